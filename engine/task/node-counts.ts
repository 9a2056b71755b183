import { countName, type TaskMeta } from "./task-meta.ts";

/**
 * What became of the records that entered a node: `in` = emitted + folded + dropped + dead-lettered, exactly [T8].
 * `out` counts what left it, `missed` the windows that records were too late for.
 */
export type NodeCounts = {
  readonly in: number;
  readonly emitted: number;
  readonly folded: number;
  readonly deadLettered: number;
  readonly out: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly missed: Readonly<Record<string, number>>;
};

/** The count of records that a node threw out: they leave as if they had never entered it, so no count of `NodeCounts` has them. */
export const takenOutName = (node: string, topic: string): string => countName(node, `taken-out/${topic}`);

/** Sums over tasks of one node's counts, by their names. */
export type CountSums = ReadonlyMap<string, number>;

/** The sums of every node in one pass over the numbers of the tasks, of which there are many: a look at the whole worker is to cost nothing. */
export function sumsByNode(metas: readonly TaskMeta[]): ReadonlyMap<string, CountSums> {
  const nodes = new Map<string, Map<string, number>>();
  for (const meta of metas) {
    for (const [node, count, value] of meta.counts()) {
      let sums = nodes.get(node);
      if (sums === undefined) nodes.set(node, (sums = new Map()));
      sums.set(count, (sums.get(count) ?? 0) + value);
    }
  }
  return nodes;
}

/** The sum over tasks of a node's counts. */
export function countsOf(metas: readonly TaskMeta[], node: string): NodeCounts {
  return countsIn(sumsByNode(metas).get(node) ?? new Map<string, number>());
}

export function countsIn(sums: CountSums): NodeCounts {
  return {
    in: sums.get("in") ?? 0,
    emitted: sums.get("emitted") ?? 0,
    folded: sums.get("folded") ?? 0,
    deadLettered: sums.get("dead-lettered") ?? 0,
    out: sums.get("out") ?? 0,
    dropped: byReason(sums, "dropped/"),
    missed: byReason(sums, "missed/"),
  };
}

/** How many records were taken out since the node threw a verdict on them, by source topic. */
export const takenOutIn = (sums: CountSums): Readonly<Record<string, number>> => byReason(sums, "taken-out/");

function byReason(sums: CountSums, kind: string): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of [...sums.keys()].sort()) {
    const value = sums.get(name)!;
    if (value > 0 && name.startsWith(kind)) counts[name.slice(kind.length)] = value;
  }
  return counts;
}
