import type { AppendResult, RecordBatch } from "#broker/broker.ts";
import { KafkaBatchWriter, type OpenBatch } from "./codec/batch-writer.ts";
import type { Compression } from "./codec/compression.ts";
import type { IdempotentProducer, ProduceOutcome } from "./produce/idempotent-producer.ts";
import { isRetriable } from "./wire/error-classes.ts";

/** Bytes that wait for an answer at most: behind them callers are told to come again. */
const mostPendingBytes = 64 << 20;
const againMs = 1000;

/** Where a batch of the caller's lies among those that it was written as: a large one is several. */
type Place = { readonly call: number; readonly first: number; readonly next: number };

/** The batches of one call that go to one partition. */
type Share = { readonly topic: string; readonly partition: number; readonly batches: OpenBatch[]; readonly places: Place[] };

/**
 * Appends batches by an idempotent producer: all of a call at once, one answer a batch. What is refused for good beside others that are written answers
 * `retry` like what was not taken for now: nobody may take those for refused.
 * @throws {RangeError} a frame does not hold its records: nothing of the call is written @throws {KafkaError} refused for good, and nothing of the call is written
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
    const first = share.batches.length;
    share.batches.push(...writer.take());
    share.places.push({ call, first, next: share.batches.length });
  }
  const answers: AppendResult[] = [];
  const asked = [...shares.values()];
  const outcomes = await producer.send(asked);
  for (const [i, outcome] of outcomes.entries()) {
    for (const place of asked[i]!.places) answers[place.call] = answerOf(outcome, asked[i]!.batches, place);
  }
  const refused = outcomes.find((outcome) => outcome.kind === "failed" && !isRetriable(outcome.error));
  if (refused?.kind === "failed" && answers.every((answer) => answer.kind === "retry" && answer.uncertain !== true)) throw refused.error;
  return answers;
}

function answerOf(outcome: ProduceOutcome, batches: readonly OpenBatch[], { first, next }: Place): AppendResult {
  const { topic, partition, bases } = outcome;
  if (bases.length >= next) {
    const counts = batches.slice(first, next).map(({ count }) => count);
    // Counted from its end: where others wrote between its parts, no record lies behind the place that it is said to have.
    const offset = bases[next - 1]! + BigInt(counts.at(-1)! - counts.reduce((sum, count) => sum + count, 0));
    return { kind: "appended", at: { topic, partition, offset } };
  }
  if (outcome.kind === "written") throw new RangeError(`${topic}[${partition}] was written without an offset`);
  // The one that failed stands behind those that have offsets; of those behind it nothing was sent.
  const uncertain = first < bases.length || (first === bases.length && outcome.uncertain);
  return { ...again(outcome.error.message), ...(uncertain ? { uncertain } : {}) };
}

const again = (reason: string): AppendResult & { readonly kind: "retry" } => ({ kind: "retry", afterMs: againMs, reason });
