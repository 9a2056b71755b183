import { expect } from "vitest";
import { BrokerError, type BrokerErrorCode } from "./broker-error.ts";
import { type Broker, earliest, type FetchLimits, type Position, type RecordBatch, type TaskId, type TopicSpec } from "./broker.ts";
import { noHeaders, RecordBatchBuilder, valueOf } from "./record-batch.ts";

/** One log, empty and open, and what a test may do to it from outside. */
export type Harness = {
  readonly broker: Broker;
  /** True when one answer of `fetch` shows all partitions as of one moment. */
  readonly endsOfOneMoment: boolean;
  /** What `changeOf` made of the changes that a task's commits left, as `store=text`, in order of commit, then store. */
  changesOf(task: TaskId): Promise<readonly string[]>;
  /** Moves the clock by which the log judges retention, and lets retention act. */
  passTime(ms: number): Promise<void>;
  /** The caller of the next commit is left without an answer: nothing of it was done, or all of it. */
  loseNextAnswer(outcome: "undone" | "done"): void;
  /** Closes the log and opens what was kept; undefined where nothing is kept. */
  readonly reopen: (() => Promise<Broker>) | undefined;
  /** Runs `crash-scenario.ts` in a process that kills itself at a step of its second commit, and opens what was kept; undefined where nothing is kept. */
  readonly crashAt: ((step: string) => Promise<Broker>) | undefined;
  close(): Promise<void>;
};

/** The steps of a commit at which a process may be killed: before it is durable, and from then on. */
export type CrashSteps = { readonly undoneAt: readonly string[]; readonly doneAt: readonly string[] };

export const orders = "test.orders";
export const payments = "test.payments";
export const results = "test.results";
export const topics: readonly TopicSpec[] = [orders, payments, results].map((name) => ({
  name,
  partitions: 3,
  retention: { kind: "forever" },
}));

export const atOnce: FetchLimits = { maxBytes: 1 << 24, maxBytesPerPartition: 1 << 24, maxWaitMs: 0 };

/** A batch of records with these texts as values. */
export function batchOf(topic: string, partition: number, texts: readonly string[], kind: RecordBatch["kind"] = "records"): RecordBatch {
  const builder = new RecordBatchBuilder();
  for (const text of texts) builder.append({ timestamp: 1000, sequence: 0, key: "key", value: Buffer.from(text), headers: noHeaders });
  return { topic, partition, kind, ...builder.take()! };
}

export const at = (topic: string, partition: number, offset: bigint): Position => ({ topic, partition, offset });

export type Found = { readonly offset: bigint; readonly text: string; readonly kind: RecordBatch["kind"] };

/** All records of a partition from a position on, read batch by batch, and the position behind them. */
export async function readFrom(
  broker: Broker,
  from: Position,
  limits = atOnce,
): Promise<{ readonly found: Found[]; readonly next: bigint }> {
  const found: Found[] = [];
  let next = from.offset;
  for (;;) {
    const fetched = await broker.fetch([{ ...from, offset: next }], limits);
    for (const batch of fetched) {
      const { index } = batch;
      for (let i = 0; i < batch.count; i++) {
        const offset = batch.baseOffset + BigInt(index.numbers[i]!);
        if (offset >= next) found.push({ offset, text: valueOf(index, i)!.toString(), kind: batch.kind });
      }
      next = batch.next;
    }
    if (next >= fetched.at(-1)!.end) return { found, next };
  }
}

export async function textsIn(broker: Broker, topic: string, partition: number): Promise<string[]> {
  return (await readFrom(broker, at(topic, partition, earliest))).found.map(({ text }) => text);
}

/** The call fails with this code. */
export async function expectCode(call: Promise<unknown>, code: BrokerErrorCode): Promise<BrokerError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(BrokerError);
  expect((error as BrokerError).code).toBe(code);
  return error as BrokerError;
}

/** Numbers in [0, 1) that a seed repeats; the seed is printed, and taken from the environment (`SEED`). */
export function seededRandom(test: string): () => number {
  const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  process.stdout.write(`${test}: SEED=${seed}\n`);
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
