import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { partitionOf, type StoreSpec } from "@millrace/engine";
import { processors } from "#processors/registry.ts";
import { compileTopology } from "#topology/compile-topology.ts";

/** J-restore as a topology file: the newest value of each key is kept, and each change is told. */
export const partitions = 4;
export const topics = { input: "restart-in", output: "analytics.restart.latest" } as const;
/** Of the input; it names what the state is kept by. */
export const subTopology = topics.input;

export type Job = { readonly name: string; readonly file: string; readonly text: string };

/** Writes the file of a topology of this name. */
export function writeJob(folder: string, name: string): Job {
  const text = jobText(name);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.yaml`);
  writeFileSync(file, text);
  return { name, file, text };
}

const jobText = (name: string): string => `topology: ${name}
topics:
  ${topics.input}: { partitions: ${partitions}, key: id, fields: { id: string, blob: string } }
nodes:
  latest:
    from: ${topics.input}
    table: true
    to: ${topics.output}
`;

/** The stores of the job's tasks, as a worker opens them. */
export function storesOf(name: string): Readonly<Record<string, StoreSpec>> {
  const { compiled } = compileTopology(jobText(name), { processors, file: `${name}.yaml` });
  if (compiled === undefined) throw new Error("the job's topology does not pass its check");
  const nodes = compiled.plan.subTopologies[0]!.nodes;
  return Object.fromEntries(
    nodes.flatMap(({ id, processor }) => Object.entries(processor.stores).map(([store, spec]) => [`${id}.${store}`, spec])),
  );
}

export const keyOf = (i: number): string => `k-${String(i).padStart(9, "0")}`;

/** A record of the input: 100 bytes of Avro. `i` names the key, `salt` makes another value of it. */
export function rowOf(i: number, salt: number): { readonly partition: number; readonly key: string; readonly value: string } {
  const key = keyOf(i);
  let state = (Math.imul(i, 2_654_435_761) ^ Math.imul(salt, 40_503)) >>> 0;
  let blob = "";
  for (let part = 0; part < 11; part++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    blob += state.toString(16).padStart(8, "0");
  }
  blob = blob.slice(1);
  // Lengths as Avro has them: zigzag, in two bytes above 63.
  const length = blob.length * 2;
  const value = String.fromCharCode(key.length * 2) + key + String.fromCharCode((length & 0x7f) | 0x80, length >> 7) + blob;
  return { partition: partitionOf(key, partitions), key, value };
}
