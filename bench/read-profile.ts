import { readFileSync } from "node:fs";

// Where the time of a `.cpuprofile` went: `node bench/read-profile.ts FILE [lines]`. Self time by function, and all time below functions of our own.
type Node = {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
};
type Profile = { readonly nodes: readonly Node[]; readonly samples: readonly number[]; readonly timeDeltas: readonly number[] };

const [file = "", lines = "40"] = process.argv.slice(2);
const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, "utf8")) as Profile;
const byId = new Map(nodes.map((node) => [node.id, node]));
const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
const self = new Map<number, number>();
samples.forEach((id, i) => self.set(id, (self.get(id) ?? 0) + (timeDeltas[i] ?? 0)));

const shortened = (url: string): string =>
  url.replace(/^.*\/(?=(?:schemas|engine|topology|processors|bench|gateway|queries|cli|node_modules)\/)/, "");
const nameOf = ({ callFrame: { functionName, url, lineNumber } }: Node): string =>
  `${functionName === "" ? "(anonymous)" : functionName} ${url === "" ? "" : `${shortened(url)}:${lineNumber + 1}`}`;

const selfBy = new Map<string, number>();
const totalBy = new Map<string, number>();
let total = 0;
for (const [id, micros] of self) {
  const node = byId.get(id)!;
  if (["(idle)", "(root)"].includes(node.callFrame.functionName)) continue;
  total += micros;
  selfBy.set(nameOf(node), (selfBy.get(nameOf(node)) ?? 0) + micros);
  const seen = new Set<string>();
  for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
    const name = nameOf(byId.get(at)!);
    if (seen.has(name)) continue;
    seen.add(name);
    totalBy.set(name, (totalBy.get(name) ?? 0) + micros);
  }
}
const print = (title: string, by: ReadonlyMap<string, number>): void => {
  process.stdout.write(`\n${title}\n`);
  for (const [name, micros] of [...by].sort((a, b) => b[1] - a[1]).slice(0, Number(lines))) {
    process.stdout.write(`${((100 * micros) / total).toFixed(1).padStart(6)} %  ${name}\n`);
  }
};
process.stdout.write(`${(total / 1e6).toFixed(1)} s of work\n`);
print("self", selfBy);
print("with what it calls", totalBy);
