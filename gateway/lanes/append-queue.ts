import type { AppendResult, Appender, RecordBatch } from "#engine/broker/broker.ts";
import { BrokerError } from "#engine/broker/broker-error.ts";
import { type NewRecord, RecordBatchBuilder } from "#engine/broker/record-batch.ts";
import type { RetryCode } from "../event-codes.ts";

/** What became of a record; the token of a stored one is its `prefix` and its `offset`. */
export type Outcome =
  | { readonly kind: "stored"; readonly prefix: string; readonly offset: number | bigint }
  | { readonly kind: "retry"; readonly code: RetryCode; readonly afterMs: number };

/** One record on its way to the log. Its key is its lane: records of one lane and topic are stored in the order of `submit`, or not at all. */
export type Submission = NewRecord & {
  readonly topic: string;
  readonly partition: number;
  readonly key: string;
  readonly bytes: number;
  /** Called once, when the record is durable or certainly not to be awaited any more. */
  settled(outcome: Outcome): void;
};

export type AppendQueueOptions = {
  readonly appender: Appender;
  /** Bound of one append. */
  readonly maxAppendBytes: number;
  /** Hears of each append that ended, and of what went wrong with it. */
  readonly onAppended: (append: AppendReport) => void;
};

export type AppendReport = { readonly records: number; readonly bytes: number; readonly durationMs: number; readonly error?: unknown };

type Group = { readonly topic: string; readonly partition: number; readonly members: Submission[]; bytes: number };

const defaultAfterMs = 500;
/** Behind an append of so many records the next one begins no sooner than `busyMs` after it: fewer, larger batches, for all who read them too. */
const busyRecords = 8;
const busyMs = 5;

/**
 * Gathers what waits from all requests into one append: the next begins when the last has ended, or at the end of the turn of the event loop
 * in which something came; when much comes, a few milliseconds later. With one append in flight, and one batch a partition in it, nothing can
 * overtake within a lane; when a batch must be sent again, what waits behind it in its lanes is given back too (`blocked_by_predecessor`), and
 * the lanes are open again at once. A log that can store a part of an append (Kafka) may store a lane's record of one topic without the one before it
 * in another; holding it back instead would let all other lanes pass it, and put their partitions out of the order of time.
 */
export class AppendQueue {
  readonly #options: AppendQueueOptions;
  #waiting: Submission[] = [];
  #waitingBytes = 0;
  #waitingRecords = 0;
  #inFlight = false;
  #scheduled = false;
  /** No append begins before. */
  #notBeforeMs = 0;
  #onIdle: (() => void)[] = [];

  constructor(options: AppendQueueOptions) {
    this.#options = options;
  }

  /** Bytes of all that was submitted and not yet settled. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  get waitingRecords(): number {
    return this.#waitingRecords;
  }

  submit(submission: Submission): void {
    this.#waiting.push(submission);
    this.#waitingBytes += submission.bytes;
    this.#waitingRecords += 1;
    if (!this.#inFlight) this.#schedule();
  }

  /** Settles when nothing waits and nothing is in flight. */
  idle(): Promise<void> {
    if (!this.#inFlight && this.#waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const next = (): void => {
      this.#scheduled = false;
      this.#next();
    };
    const waitMs = this.#notBeforeMs - performance.now();
    if (waitMs > 0) setTimeout(next, waitMs);
    else setImmediate(next);
  }

  #next(): void {
    if (this.#waiting.length === 0) {
      for (const resolve of this.#onIdle.splice(0)) resolve();
      return;
    }
    this.#inFlight = true;
    const groups = this.#take();
    if (groups.reduce((sum, { members }) => sum + members.length, 0) >= busyRecords) this.#notBeforeMs = performance.now() + busyMs;
    void this.#append(groups).finally(() => {
      this.#inFlight = false;
      if (this.#notBeforeMs > performance.now() && this.#waiting.length > 0) this.#schedule();
      else this.#next();
    });
  }

  /** The longest waiting, one batch a partition, up to the bound; the rest stays in order. */
  #take(): Group[] {
    const { maxAppendBytes } = this.#options;
    const groups = new Map<string, Group[]>();
    const all: Group[] = [];
    const left: Submission[] = [];
    let bytes = 0;
    for (let i = 0; i < this.#waiting.length; i++) {
      const next = this.#waiting[i]!;
      if (bytes > 0 && bytes + next.bytes > maxAppendBytes) {
        for (; i < this.#waiting.length; i++) left.push(this.#waiting[i]!);
        break;
      }
      bytes += next.bytes;
      let ofTopic = groups.get(next.topic);
      if (ofTopic === undefined) groups.set(next.topic, (ofTopic = []));
      let group = ofTopic[next.partition];
      if (group === undefined) {
        group = { topic: next.topic, partition: next.partition, members: [], bytes: 0 };
        ofTopic[next.partition] = group;
        all.push(group);
      }
      group.members.push(next);
      group.bytes += next.bytes;
    }
    this.#waiting = left;
    return all;
  }

  async #append(groups: readonly Group[]): Promise<void> {
    const startedAt = performance.now();
    const batches = toBatches(groups);
    const { results, error } = await this.#send(batches);
    for (const [i, group] of groups.entries()) this.#settle(group, results[i]);
    const records = batches.reduce((sum, { count }) => sum + count, 0);
    const bytes = batches.reduce((sum, batch) => sum + batch.bytes.length, 0);
    const report = { records, bytes, durationMs: performance.now() - startedAt };
    this.#options.onAppended(error === undefined ? report : { ...report, error });
  }

  /** A topic that the log does not have costs its own records, not those of its neighbours; any other error costs the whole append. */
  async #send(
    batches: readonly RecordBatch[],
  ): Promise<{ readonly results: readonly (AppendResult | undefined)[]; readonly error?: unknown }> {
    const { appender } = this.#options;
    try {
      return { results: await appender.append(batches) };
    } catch (error) {
      if (!(error instanceof BrokerError) || error.code !== "BROKER_UNKNOWN_TOPIC" || batches.length === 1) return { results: [], error };
      const results: (AppendResult | undefined)[] = [];
      for (const batch of batches) results.push(...(await appender.append([batch]).catch(() => [undefined])));
      return { results, error };
    }
  }

  #settle({ topic, partition, members }: Group, result: AppendResult | undefined): void {
    if (result?.kind === "appended") {
      const { offset } = result.at;
      const prefix = `${topic}:${partition}:`;
      // Offsets of Kafka and of the embedded log are exact numbers; a Kinesis sequence number is not.
      const first = offset <= Number.MAX_SAFE_INTEGER - members.length ? Number(offset) : offset;
      for (const [i, member] of members.entries()) {
        this.#end(member, { kind: "stored", prefix, offset: typeof first === "number" ? first + i : first + BigInt(i) });
      }
      return;
    }
    const afterMs = result?.afterMs ?? defaultAfterMs;
    const uncertain = result?.uncertain === true;
    const failed = new Set<string>();
    for (const member of members) {
      // Where the log itself does not know, nobody may be told that nothing was stored. [G30]
      const code = uncertain ? "ack_timeout" : failed.has(member.key) ? "blocked_by_predecessor" : "log_unavailable";
      failed.add(member.key);
      this.#end(member, { kind: "retry", code, afterMs });
    }
    const open: Submission[] = [];
    for (const waiting of this.#waiting) {
      if (failed.has(waiting.key)) this.#end(waiting, { kind: "retry", code: "blocked_by_predecessor", afterMs });
      else open.push(waiting);
    }
    this.#waiting = open;
  }

  #end(submission: Submission, outcome: Outcome): void {
    this.#waitingBytes -= submission.bytes;
    this.#waitingRecords -= 1;
    submission.settled(outcome);
  }
}

/** All batches of one append lie in one buffer. */
function toBatches(groups: readonly Group[]): RecordBatch[] {
  const builder = new RecordBatchBuilder(groups.reduce((sum, { bytes }) => sum + bytes, 0));
  return groups.map(({ topic, partition, members }) => {
    for (const member of members) builder.append(member);
    const { count, bytes } = builder.share()!;
    return { topic, partition, kind: "records", count, bytes };
  });
}
