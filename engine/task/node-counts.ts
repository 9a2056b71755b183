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

/** How many records were taken out since a node threw a verdict on them, by source topic. */
export function takenOutOf(metas: readonly TaskMeta[], node: string): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const meta of metas) for (const [topic, value] of meta.under(takenOutName(node, ""))) sums[topic] = (sums[topic] ?? 0) + value;
  return sums;
}

/** The sum over tasks of a node's counts. */
export function countsOf(metas: readonly TaskMeta[], node: string): NodeCounts {
  const sums = new Map<string, number>();
  for (const meta of metas) for (const [name, value] of meta.under(countName(node, ""))) sums.set(name, (sums.get(name) ?? 0) + value);
  const byReason = (kind: string): Record<string, number> =>
    Object.fromEntries(
      [...sums]
        .filter(([name, value]) => name.startsWith(kind) && value > 0)
        .map(([name, value]) => [name.slice(kind.length), value] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  return {
    in: sums.get("in") ?? 0,
    emitted: sums.get("emitted") ?? 0,
    folded: sums.get("folded") ?? 0,
    deadLettered: sums.get("dead-lettered") ?? 0,
    out: sums.get("out") ?? 0,
    dropped: byReason("dropped/"),
    missed: byReason("missed/"),
  };
}
