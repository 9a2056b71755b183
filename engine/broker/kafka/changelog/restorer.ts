import { BrokerError } from "#broker/broker-error.ts";
import type { TaskId } from "#broker/broker.ts";
import { listOffsets } from "../admin/offsets.ts";
import { committedRanges } from "../fetch/committed-ranges.ts";
import type { KafkaEvents } from "../kafka-events.ts";
import type { KafkaClient } from "../wire/kafka-client.ts";
import type { LocalCheckpoint, LocalCopy, Restoration } from "./local-copy.ts";

export type RestorerParts = {
  readonly client: KafkaClient;
  readonly local: LocalCopy;
  readonly events: KafkaEvents;
  readonly clock: () => number;
  /** A local copy that was written longer ago, and is behind, may have missed deletes. */
  readonly deleteRetentionMs: number;
};

export type Wanted = {
  readonly task: TaskId;
  /** The last commit of the task that wrote to its changelog. */
  readonly number: bigint;
  /** Kafka's id of the changelog that it was written to. */
  readonly id: string;
  readonly topic: string;
  readonly partition: number;
};

/** Restores of a worker that read at the same time. */
const atOnce = 8;
const tellEveryMs = 1000;

/**
 * Brings the local copy of a task up to its last commit, from where the copy stands: 1. the group's committed offsets were read (by the caller)  2. the
 * changelog's high watermark is the goal, since the last stable offset may lie before that commit (KAFKA-10167)  3. what is committed up to it is applied.
 */
export class Restorer {
  readonly #parts;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(parts: RestorerParts) {
    this.#parts = parts;
  }

  /** @throws {BrokerError} `BROKER_CORRUPT` when the changelog does not hold that commit @throws {KafkaError} */
  async restore(wanted: Wanted, signal: AbortSignal | undefined): Promise<LocalCheckpoint> {
    const { local } = this.#parts;
    const changelog = await this.#changelogId(wanted);
    if (changelog !== wanted.id) {
      const what = `the changelog of ${wanted.task} was deleted and made again since its commit ${wanted.number}; to begin anew, delete the group too`;
      throw new BrokerError("BROKER_CORRUPT", what, { at: `${wanted.topic}[${wanted.partition}]` });
    }
    const here = this.#usable(wanted, changelog);
    if (here?.whole === true && here.number === wanted.number) return here;
    await this.#turn();
    try {
      // Nobody may wait for it any more by now; its turn goes on to the next in any case.
      signal?.throwIfAborted();
      await this.#read(wanted, { changelog, signal });
      if (local.read(wanted.task)?.number !== wanted.number) {
        // The copy was of another history (a changelog that was cut back, say): once more, from its beginning.
        local.forget(wanted.task);
        await this.#read(wanted, { changelog, signal });
      }
      const restored = local.read(wanted.task);
      if (restored?.number !== wanted.number) {
        throw new BrokerError("BROKER_CORRUPT", `the changelog of ${wanted.task} does not hold its commit ${wanted.number}`, {
          at: `${wanted.topic}[${wanted.partition}]`,
        });
      }
      return restored;
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  /**
   * For a task of which the group has committed nothing: nothing of it may be anywhere else, or what it remembers from now on would be mixed with that.
   * @throws {BrokerError} `BROKER_CORRUPT` when its changelog holds something @throws {KafkaError}
   */
  async begin({ task, topic, partition }: Omit<Wanted, "number" | "id">, signal: AbortSignal | undefined): Promise<void> {
    const { client } = this.#parts;
    if ((await client.topic(topic)) === undefined) return;
    const place = { topic, partition };
    const [end] = await listOffsets(client, [place], { at: { kind: "high-watermark" }, signal });
    if (end!.offset === 0n) return;
    const [start] = await listOffsets(client, [place], { at: { kind: "earliest" }, signal });
    await committedRanges(client, [{ ...place, from: start!.offset, to: end!.offset }], {
      signal,
      each: ({ parts }) => {
        if (parts.length === 0) return;
        const what = `the group has no offsets of ${task}, expired or deleted, but its changelog remembers it; to begin anew, delete the topic`;
        throw new BrokerError("BROKER_CORRUPT", what, { at: `${topic}[${partition}]@${parts[0]!.baseOffset}` });
      },
    });
  }

  async close(): Promise<void> {
    await this.#parts.client.close();
  }

  /** What is here, unless it is of another changelog, or lacks more than what comes: deletes that may be gone from the changelog, rows of a store that others still have. */
  #usable({ task, number }: Wanted, changelog: string): LocalCheckpoint | undefined {
    const { local, clock, deleteRetentionMs } = this.#parts;
    const here = local.read(task);
    if (here === undefined) {
      local.forget(task);
      return undefined;
    }
    const behind = !here.whole || here.number !== number;
    const old = behind && clock() - here.writtenAtMs > deleteRetentionMs * 0.9;
    const fits = here.changelog === changelog && here.number <= number;
    if (fits && !old && !(behind && local.hasUntold(task))) return here;
    local.forget(task);
    return undefined;
  }

  async #read({ task, number, topic, partition }: Wanted, { changelog, signal }: { changelog: string; signal: AbortSignal | undefined }) {
    const { client, local, events, clock } = this.#parts;
    const place = { topic, partition };
    const from = local.read(task)?.next;
    const [[end], [start]] = await Promise.all([
      listOffsets(client, [place], { at: { kind: "high-watermark" }, signal }),
      listOffsets(client, [place], { at: { kind: "earliest" }, signal }),
    ]);
    const goal = end!.offset;
    const first = from === undefined || from < start!.offset ? start!.offset : from;
    const total = goal - first;
    const begun = performance.now();
    let told = begun;
    events.restoring({ task, read: 0n, total, ms: 0 });
    const restoration = local.restore(task, { id: changelog, behind: total, atMs: clock() });
    await committedRanges(client, [{ ...place, from: first, to: goal }], {
      signal,
      each: async ({ parts, next }) => {
        const batches = parts.map(({ index, baseOffset }) => ({
          index,
          at: (record: number) => `${topic}[${partition}]@${baseOffset + BigInt(index.numbers[record]!)}`,
        }));
        await restoration.apply(batches, next);
        const now = performance.now();
        if (now - told < tellEveryMs) return;
        told = now;
        events.restoring({ task, read: next - first, total, ms: now - begun });
      },
    }).catch((error: unknown) => {
      keep(restoration);
      throw error;
    });
    if (restoration.last?.number === number) restoration.finish(goal);
    events.restoring({ task, read: total, total, ms: performance.now() - begun });
  }

  async #changelogId({ topic }: Wanted): Promise<string> {
    const found = await this.#parts.client.topic(topic, true);
    if (found === undefined) throw new BrokerError("BROKER_UNKNOWN_TOPIC", "the changelog is gone", { at: topic });
    return found.id;
  }

  async #turn(): Promise<void> {
    while (this.#running >= atOnce) await new Promise<void>((settle) => void this.#waiting.push(settle));
    this.#running += 1;
  }
}

/** Of a disk that fails as well nothing is said here: what was read is read again then. */
function keep(restoration: Restoration): void {
  try {
    restoration.cutOff();
  } catch {}
}
