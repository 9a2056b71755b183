import type { AppendResult, RecordBatch } from "#broker/broker.ts";
import { KafkaBatchWriter, type OpenBatch } from "./codec/batch-writer.ts";
import type { Compression } from "./codec/compression.ts";
import type { IdempotentProducer, ProduceOutcome } from "./produce/idempotent-producer.ts";
import { isRetriable } from "./wire/error-classes.ts";

/** Bytes that wait for an answer at most: behind them callers are told to come again. */
const mostPendingBytes = 64 << 20;
const againMs = 1000;

/** The batches of one call that go to one partition, and where each of the caller's begins among them. */
type Share = {
  readonly topic: string;
  readonly partition: number;
  readonly batches: OpenBatch[];
  readonly places: { readonly call: number; readonly first: number }[];
};

/**
 * Appends batches by an idempotent producer: all of a call at once, one answer a batch.
 * @throws {RangeError} a frame does not hold its records: nothing of the call is written @throws {KafkaError} refused for good
 */
export async function appendBatches(
  producer: IdempotentProducer,
  batches: readonly RecordBatch[],
  compression: Compression,
): Promise<readonly AppendResult[]> {
  if (producer.pendingBytes > mostPendingBytes) return batches.map(() => again("too much waits for Kafka already"));
  const shares = new Map<string, Share>();
  for (const [call, { topic, partition, kind, bytes, count }] of batches.entries()) {
    const place = `${topic} ${partition}`;
    let share = shares.get(place);
    if (share === undefined) shares.set(place, (share = { topic, partition, batches: [], places: [] }));
    const writer = new KafkaBatchWriter({ compression });
    if (kind === "watermarks") writer.addMarks(bytes, count);
    else writer.addFrame(bytes, count);
    share.places.push({ call, first: share.batches.length });
    share.batches.push(...writer.take());
  }
  const answers: AppendResult[] = [];
  const asked = [...shares.values()];
  const outcomes = await producer.send(asked);
  for (const [i, outcome] of outcomes.entries()) {
    for (const { call, first } of asked[i]!.places) answers[call] = answerOf(outcome, first);
  }
  return answers;
}

function answerOf(outcome: ProduceOutcome, first: number): AppendResult {
  const { topic, partition, bases } = outcome;
  const base = bases[first];
  if (base !== undefined) return { kind: "appended", at: { topic, partition, offset: base } };
  if (outcome.kind === "written") throw new RangeError(`${topic}[${partition}] was written without an offset`);
  if (!isRetriable(outcome.error)) throw outcome.error;
  return again(outcome.error.message);
}

const again = (reason: string): AppendResult => ({ kind: "retry", afterMs: againMs, reason });
