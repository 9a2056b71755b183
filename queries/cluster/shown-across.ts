import { setTimeout as sleep } from "node:timers/promises";
import type { Plan, Position } from "@millrace/engine";
import type { ShareOwner } from "./share.ts";

export type Across = {
  readonly plan: Plan;
  /** Who has a task now; undefined when nobody has. */
  readonly ownerOf: (subTopology: string, partition: number) => ShareOwner | undefined;
  /** Behind the last record that each partition holds by now, committed or about to be. */
  readonly ends: (partitions: readonly { readonly topic: string; readonly partition: number }[]) => Promise<readonly Position[]>;
};

/** How long an owner is asked to wait at one go: who has lost a task meanwhile would never say so. */
const roundMs = 500;
const againMs = 50;

/**
 * Settles when `target` shows what lies before or at the positions, on whatever owners: the readers have committed past the positions, and then each
 * task further down past the ends that its inputs had by then. True, or false when `signal` aborts first.
 */
export async function shownAcross(
  across: Across,
  { target, after }: { readonly target: string; readonly after: readonly Position[] },
  signal: AbortSignal,
): Promise<boolean> {
  const reaching = subTopologiesTo(target, across.plan);

  const from = async (positions: readonly Position[]): Promise<void> => {
    const readers = Map.groupBy(
      positions.flatMap((position) => readersOf(position.topic).map((reader) => ({ reader, position }))),
      ({ reader }) => reader,
    );
    await Promise.all(
      Array.from(readers, ([reader, of]) =>
        through(
          reader,
          of.map(({ position }) => position),
        ),
      ),
    );
  };
  const readersOf = (topic: string): readonly string[] =>
    across.plan.subTopologies
      .filter(({ id, sources }) => reaching.has(id) && sources.some((source) => source.topic === topic))
      .map(({ id }) => id);
  const through = async (subTopology: string, positions: readonly Position[]): Promise<void> => {
    const byPartition = Map.groupBy(positions, ({ partition }) => partition);
    await passed(across, { subTopology, byPartition }, signal);
    if (subTopology === target) return;
    const { sinks } = across.plan.subTopologies.find(({ id }) => id === subTopology)!;
    const partitions = [...new Map(sinks.map((sink) => [sink.topic, sink.partitions]))]
      .filter(([topic]) => readersOf(topic).length > 0)
      .flatMap(([topic, count]) => Array.from({ length: count }, (_, partition) => ({ topic, partition })));
    const ends = await across.ends(partitions);
    await from(ends.filter(({ offset }) => offset > 0n).map((end) => ({ ...end, offset: end.offset - 1n })));
  };

  try {
    await from(after);
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}

/** Asks the owners, again and again and each time those of the moment, until all tasks have come past. */
async function passed(
  { ownerOf }: Across,
  { subTopology, byPartition }: { readonly subTopology: string; readonly byPartition: ReadonlyMap<number, readonly Position[]> },
  signal: AbortSignal,
): Promise<void> {
  const open = new Map(byPartition);
  while (open.size > 0) {
    signal.throwIfAborted();
    const owners = Map.groupBy(open.keys(), (partition) => ownerOf(subTopology, partition));
    const asked = Array.from(owners, async ([owner, partitions]) => {
      const positions = partitions
        .flatMap((partition) => open.get(partition)!)
        .map((position) => ({ ...position, offset: String(position.offset) }));
      const answer = await owner?.ask({ kind: "passed", subTopology, positions, waitMs: roundMs }, signal);
      if (answer?.kind === "passed") {
        if (answer.passed) for (const partition of partitions) open.delete(partition);
        return;
      }
      await sleep(againMs, undefined, { signal });
    });
    await Promise.all(asked);
  }
}

/** Those from which records come to a sub-topology, itself included. */
function subTopologiesTo(target: string, { subTopologies }: Plan): ReadonlySet<string> {
  const found = new Set([target]);
  for (let grown = true; grown;) {
    grown = false;
    const read = new Set(subTopologies.filter(({ id }) => found.has(id)).flatMap(({ sources }) => sources.map(({ topic }) => topic)));
    for (const { id, sinks } of subTopologies) {
      if (found.has(id) || !sinks.some(({ topic }) => read.has(topic))) continue;
      found.add(id);
      grown = true;
    }
  }
  return found;
}
