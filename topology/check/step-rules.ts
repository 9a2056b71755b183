import type { NodeSyntax } from "../parse/syntax.ts";
import type { Place, Report } from "../topology-error.ts";

type StepName = "dedupe" | "where" | "select" | "flatMap" | "branch" | "key" | "window" | "aggregate" | "emit" | "late" | "table" | "top";

/** Reports steps that cannot stand in one node, and those that should have company. */
export function checkSteps(node: NodeSyntax, report: Report): void {
  const conflict = (place: Place, message: string): void => report("TOPOLOGY_STEP_CONFLICT", place, `node "${node.id}" ${message}`);
  const present = stepsOf(node);
  const names = new Set(present.map(({ name }) => name));
  if (node.use !== undefined) {
    for (const { name, place } of present) conflict(place, `has "use" and "${name}": put the step into a node in front of the processor`);
  } else {
    if (node.with !== undefined) conflict(node.with.place, `has "with", which are settings of a processor; say "use:" too`);
    if (node.from.kind === "ports")
      conflict(
        [...node.from.ports.values()][0]?.place ?? node.place,
        `reads ports, which only a processor has; list the sources to merge them`,
      );
  }
  if (names.has("branch")) {
    for (const { name, place } of present) {
      if (["select", "flatMap", "key", "aggregate", "table", "top"].includes(name))
        conflict(place, `has "branch" and "${name}": put what follows into nodes behind it`);
    }
  }
  if (node.select !== undefined && node.flatMap !== undefined)
    conflict(node.flatMap.place, `has "select" and "flatMap": flatMap has a "select" of its own`);
  const ends = present.filter(({ name }) => name === "aggregate" || name === "table" || name === "top");
  for (const { name, place } of ends.slice(1)) conflict(place, `has "${ends[0]!.name}" and "${name}": one store a node`);
  if (node.window !== undefined && node.aggregate === undefined) conflict(node.window.place, `has a window and no "aggregate"`);
  if (node.window === undefined) {
    if (node.emit !== undefined) conflict(node.emit.place, `says "emit", which is for windows; without one every update is emitted`);
    if (node.late !== undefined) conflict(node.late.place, `says "late", which is for windows; dedupe has its own`);
  } else if (node.window.graceMs === undefined) {
    report(
      "TOPOLOGY_MISSING_GRACE",
      node.window.place,
      `window of node "${node.id}" has no "grace": what comes after its end is late; say how long to wait, or grace: 0s`,
    );
  }
  if (node.window === undefined && (node.aggregate !== undefined || node.top !== undefined)) {
    const { place } = node.aggregate ?? node.top!;
    report("TOPOLOGY_UNBOUNDED_STATE", place, `node "${node.id}" keeps every key for ever, since it has no window`);
  }
}

function stepsOf(node: NodeSyntax): readonly { readonly name: StepName | "require"; readonly place: Place }[] {
  const places: readonly (readonly [StepName | "require", Place | undefined])[] = [
    ["dedupe", node.dedupe?.place],
    ["where", node.where?.place],
    ["require", node.require[0]?.that.place],
    ["select", node.select?.[0]?.place],
    ["flatMap", node.flatMap?.place],
    ["branch", node.branch?.place],
    ["key", node.key?.place],
    ["window", node.window?.place],
    ["aggregate", node.aggregate?.place],
    ["table", node.table?.place],
    ["top", node.top?.place],
  ];
  return places.flatMap(([name, place]) => (place === undefined ? [] : [{ name, place }]));
}
