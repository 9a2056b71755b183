import { setTimeout } from "node:timers/promises";
import { type Broker, type CommitResult, earliest, type FetchedBatch, type Position } from "#broker/broker.ts";
import { noRecords } from "#broker/record-batch.ts";

export type LateMarkers = {
  /** How long each partition of a commit stays unseen, and how long its answer takes, ms. */
  readonly delayMs: () => number;
  /** Whether readers here know what was committed here before they can see it. */
  readonly knowsOwn: boolean;
};

/**
 * What a log tells its readers where commits end as Kafka's do: each partition shows a commit at a moment of its own, before or behind the answer that it
 * is done, nothing behind it is seen before it, and a member's next commit waits until all have shown the last one.
 */
export class LateMarkersLog {
  /** From where on each partition is not seen yet, the earliest first. */
  readonly #unseen = new Map<string, bigint[]>();

  /** The log as one process sees it. */
  seenBy(log: Broker, { delayMs, knowsOwn }: LateMarkers): Broker {
    const written = new Map<string, bigint>();
    let shown: Promise<unknown> = Promise.resolve();
    const endOf = async ({ topic, partition }: Position): Promise<bigint> => {
      const fetched = await log.fetch([{ topic, partition, offset: earliest }], { maxBytes: 1, maxBytesPerPartition: 1, maxWaitMs: 0 });
      return fetched[0]!.end;
    };
    return {
      ensureTopics: (specs) => log.ensureTopics(specs),
      append: (batches) => log.append(batches),
      join: (spec, hooks) => log.join(spec, hooks),
      committed: async (group, tasks, signal) => {
        await shown;
        return log.committed(group, tasks, signal);
      },
      close: () => log.close(),
      commit: async (commit): Promise<CommitResult> => {
        await shown;
        const batches = [...commit.tasks.flatMap(({ outputs }) => outputs), ...commit.watermarks];
        const places = [
          ...new Map(batches.map(({ topic, partition }) => [nameOf({ topic, partition }), { topic, partition, offset: 0n }])).values(),
        ];
        const before = await Promise.all(places.map(endOf));
        for (const [i, place] of places.entries()) this.#hide(nameOf(place), before[i]!);
        const result = await log.commit(commit);
        shown = Promise.all(
          places.map(async (place, i) => {
            if (result.kind === "committed") await setTimeout(delayMs());
            this.#show(nameOf(place), before[i]!);
          }),
        );
        await setTimeout(delayMs());
        if (result.kind === "committed" && knowsOwn) for (const position of result.written) written.set(nameOf(position), position.offset);
        return result;
      },
      fetch: async (positions, limits) => {
        const until = performance.now() + limits.maxWaitMs;
        for (;;) {
          const fetched = await log.fetch(positions, { ...limits, maxWaitMs: 0 });
          const seen = positions.flatMap((position) => this.#seen(position, fetched, written));
          if (performance.now() >= until || seen.some(({ count }) => count > 0)) return seen;
          await setTimeout(1);
        }
      },
    };
  }

  #hide(name: string, from: bigint): void {
    this.#unseen.set(name, [...(this.#unseen.get(name) ?? []), from].toSorted(ascending));
  }

  #show(name: string, from: bigint): void {
    const unseen = this.#unseen.get(name)!;
    unseen.splice(unseen.indexOf(from), 1);
  }

  #seen(position: Position, fetched: readonly FetchedBatch[], written: ReadonlyMap<string, bigint>): FetchedBatch[] {
    const name = nameOf(position);
    const all = fetched.filter((batch) => nameOf(batch) === name);
    const unseen = this.#unseen.get(name)?.[0];
    const stable = unseen !== undefined && unseen < all[0]!.end ? unseen : all[0]!.end;
    const own = written.get(name) ?? 0n;
    const end = own > stable ? own : stable;
    const seen = all.filter(({ count, baseOffset }) => count > 0 && baseOffset < stable).map((batch) => ({ ...batch, end }));
    if (seen.length > 0) return seen;
    const { topic, partition, logStart } = all[0]!;
    const next = position.offset === earliest ? logStart : position.offset;
    return [{ topic, partition, kind: "records", count: 0, index: noRecords, baseOffset: next, appendedAtMs: 0, next, end, logStart }];
  }
}

const nameOf = ({ topic, partition }: { readonly topic: string; readonly partition: number }): string => `${topic} ${partition}`;
const ascending = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
