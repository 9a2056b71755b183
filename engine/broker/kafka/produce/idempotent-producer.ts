import { listOffsets } from "../admin/offsets.ts";
import { readBatchHeader } from "../codec/batch-header.ts";
import { sealBatch } from "../codec/batch-writer.ts";
import { initProducerId, nobody } from "../transaction/transaction-requests.ts";
import type { KafkaClient } from "../wire/kafka-client.ts";
import { asKafkaError, KafkaError } from "../wire/kafka-error.ts";
import type { TopicPartition } from "../wire/leaders.ts";
import { persist } from "../wire/persist.ts";
import { findBatch } from "./find-batch.ts";
import type { PartitionBatches, WrittenBatches } from "./partition-batches.ts";
import { PartitionLane } from "./partition-lane.ts";
import { sendBatches } from "./send-batches.ts";
import { type ProducerIdentity, sequenceLimit, Sequences } from "./sequences.ts";

export type IdempotentSettings = {
  readonly client: KafkaClient;
  /** How long batches are sent again before they are given up, waiting for those before them included; 30 s unless told. */
  readonly deadlineMs?: number;
  /** Told of each error that is followed by another attempt. */
  readonly onRetry?: (error: KafkaError) => void;
  /** Where sequence numbers begin: 0 but for tests of their end. */
  readonly firstSequence?: number;
};

/**
 * `bases` are those of the batches that are durable: all of them, or those before the one that failed, behind which none was sent.
 * `uncertain`: the one that failed may be in the log nevertheless, or turn up there yet.
 */
export type ProduceOutcome =
  | ({ readonly kind: "written" } & WrittenBatches)
  | ({ readonly kind: "failed"; readonly error: KafkaError; readonly uncertain: boolean } & WrittenBatches);

type Job = { readonly batches: PartitionBatches; readonly until: number; readonly settle: (outcome: ProduceOutcome) => void };
type Queue = { readonly jobs: Job[]; busy: boolean };
type Session = { readonly identity: ProducerIdentity; readonly sequences: Sequences };

const produceTimeoutMs = 10_000;
/** The broker has lost or mixed up what it knew of us: go on as somebody else. */
const forgotten = ["OUT_OF_ORDER_SEQUENCE_NUMBER", "UNKNOWN_PRODUCER_ID", "INVALID_PRODUCER_EPOCH", "INVALID_PRODUCER_ID_MAPPING"];

/**
 * Writes outside of transactions (`acks=all`): what is sent again is there once, also where a broker has forgotten the producer since, and a partition's batches lie in the order of the calls, since only
 * one of them is under way at a time. Partitions do not wait for each other.
 */
export class IdempotentProducer {
  readonly #settings;
  readonly #queues = new Map<string, Queue>();
  /** Behind these offsets lies what has no answer yet. */
  readonly #answered = new Map<string, bigint>();
  readonly #hurry = new AbortController();
  #session: Session | undefined;
  #opening: Promise<Session> | undefined;
  #pumping = false;
  #pending = 0;
  #pendingBytes = 0;
  #idle: (() => void) | undefined;
  #closed = false;

  constructor(settings: IdempotentSettings) {
    this.#settings = settings;
  }

  /** Bytes of batches whose outcome is not known yet. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** One outcome for each partition, in the order asked; at the latest a little after the deadline. @throws {KafkaError} `CLOSED` */
  async send(batches: readonly PartitionBatches[]): Promise<readonly ProduceOutcome[]> {
    if (this.#closed) throw new KafkaError("the producer is closed", ["CLOSED"]);
    const until = performance.now() + this.#deadlineMs;
    const outcomes = batches.map(
      (one) => new Promise<ProduceOutcome>((settled) => this.#enqueue({ batches: one, until, settle: settled })),
    );
    this.#pump();
    return Promise.all(outcomes);
  }

  /** Waits for what is under way, at most `graceMs`; the rest fails. */
  async close(graceMs = this.#deadlineMs): Promise<void> {
    this.#closed = true;
    if (this.#pending === 0) return;
    const hurry = setTimeout(() => this.#hurry.abort(), graceMs);
    await new Promise<void>((idle) => {
      this.#idle = idle;
    });
    clearTimeout(hurry);
  }

  get #deadlineMs(): number {
    return this.#settings.deadlineMs ?? 30_000;
  }

  #enqueue(job: Job): void {
    const { batches } = job.batches;
    const bytes = batches.reduce((sum, { byteLength }) => sum + byteLength, 0);
    this.#pending++;
    this.#pendingBytes += bytes;
    const settle = (outcome: ProduceOutcome): void => {
      this.#pendingBytes -= bytes;
      job.settle(outcome);
      if (--this.#pending === 0) this.#idle?.();
    };
    const key = keyOf(job.batches);
    const queue = this.#queues.get(key) ?? { jobs: [], busy: false };
    this.#queues.set(key, queue);
    queue.jobs.push({ ...job, settle });
  }

  /** Sends the next of every partition that waits for nothing, all together. */
  #pump(): void {
    this.#pumping = false;
    const ready = [...this.#queues.values()].filter(({ jobs, busy }) => !busy && jobs.length > 0);
    if (ready.length === 0) return;
    const next = ready.map((queue) => {
      queue.busy = true;
      return { queue, job: queue.jobs.shift()! };
    });
    void this.#dispatch(next);
  }

  /** Partitions that become free at the same moment go on together. */
  #release(queue: Queue): void {
    queue.busy = false;
    if (this.#pumping) return;
    this.#pumping = true;
    setImmediate(() => this.#pump());
  }

  async #dispatch(next: readonly { readonly queue: Queue; readonly job: Job }[]): Promise<void> {
    const open = new Map<PartitionLane, { readonly queue: Queue; readonly job: Job }>();
    const give = (queue: Queue, job: Job, outcome: ProduceOutcome): void => {
      job.settle(outcome);
      this.#release(queue);
    };
    let session: Session | undefined;
    try {
      session = await this.#sessionFor(next.map(({ job }) => job));
      for (const entry of next) open.set(laneOf(entry.job, session), entry);
    } catch (thrown) {
      // Not one of them was sent.
      const error = asKafkaError(thrown, "init producer");
      for (const { queue, job } of next) give(queue, job, { ...named(job), kind: "failed", error, uncertain: false, bases: [] });
      return;
    }
    const used = session;
    const { client, onRetry } = this.#settings;
    const options = {
      produce: { transactionalId: null, version: 11, timeoutMs: produceTimeoutMs },
      window: 1,
      together: false,
      signal: this.#hurry.signal,
      ...(onRetry && { onRetry }),
      find: (lane: PartitionLane) => this.#find(lane),
      onSettled: (lane: PartitionLane) => {
        const { queue, job } = open.get(lane)!;
        give(queue, job, this.#judge(lane, job, used));
      },
    } as const;
    // Each leader for itself: one that does not answer holds nobody else up.
    const leaders = Map.groupBy(open.keys(), ({ topic, partition }) => client.known(topic)?.partitions[partition]?.leader);
    await Promise.all(
      [...leaders.values()].map(async (lanes) => {
        await this.#begin(lanes);
        await sendBatches(client, lanes, options);
      }),
    );
  }

  /** Notes where partitions end that are written to for the first time. What could not be asked is looked for from the beginning of the log. */
  async #begin(lanes: readonly PartitionLane[]): Promise<void> {
    const fresh = lanes.filter((lane) => !this.#answered.has(keyOf(lane)));
    if (fresh.length === 0) return;
    const at = { kind: "high-watermark" } as const;
    const ends = await listOffsets(this.#settings.client, fresh, { at, forMs: 0, signal: this.#hurry.signal }).catch(() => []);
    for (const end of ends) this.#answered.set(keyOf(end), end.offset);
  }

  /**
   * A broker remembers a producer for a day behind its newest record, by that record's time, where it is started again or cleans up: what has old times is
   * forgotten at once, and would be taken a second time.
   */
  async #find(lane: PartitionLane): Promise<bigint | undefined> {
    const sealed = readBatchHeader(lane.batches[lane.bases.length]! as Buffer, 0)!;
    const { topic, partition } = lane;
    const from = this.#answered.get(keyOf(lane)) ?? 0n;
    return findBatch(this.#settings.client, { topic, partition, from }, sealed).catch((error: unknown) => {
      // Who may only write has the broker's memory and no more.
      if (error instanceof KafkaError && error.is("TOPIC_AUTHORIZATION_FAILED")) return undefined;
      throw error;
    });
  }

  #judge(lane: PartitionLane, job: Job, session: Session): ProduceOutcome {
    const { bases, failure, uncertain } = lane;
    const { topic, partition, batches } = job.batches;
    session.sequences.advance(topic, partition, countOf(batches.slice(0, bases.length)));
    const last = bases.at(-1);
    if (last !== undefined) this.#answered.set(keyOf(lane), last + BigInt(batches[bases.length - 1]!.count));
    if (failure === undefined) return { ...named(job), kind: "written", bases };
    // Its sequence number may be taken or not: nothing can follow it under this producer id.
    if (uncertain || failure.is(...forgotten)) this.#forget(session);
    return { ...named(job), kind: "failed", error: failure, uncertain, bases };
  }

  #forget(session: Session): void {
    if (this.#session === session) this.#session = undefined;
  }

  /** Under which producer id these can be written; another one where sequence numbers would end. */
  async #sessionFor(jobs: readonly Job[]): Promise<Session> {
    const forMs = Math.min(...jobs.map(({ until }) => until)) - performance.now();
    const session = this.#session ?? (await this.#open(forMs, this.#settings.firstSequence));
    const isWornOut = jobs.some(
      ({ batches: { topic, partition, batches } }) => session.sequences.next(topic, partition) + countOf(batches) > sequenceLimit,
    );
    if (!isWornOut) return session;
    this.#forget(session);
    return this.#session ?? this.#open(forMs, 0);
  }

  #open(forMs: number, firstSequence: number | undefined): Promise<Session> {
    const { client, onRetry } = this.#settings;
    const persistence = { forMs, signal: this.#hurry.signal, maxPauseMs: 100, ...(onRetry && { onRetry }) };
    this.#opening ??= persist("init producer", persistence, async () => {
      const { producerId, producerEpoch } = await client.send("any", initProducerId(null, 60_000, nobody), "init producer");
      this.#session = { identity: { producerId, producerEpoch }, sequences: new Sequences(firstSequence) };
      return this.#session;
    }).finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }
}

const keyOf = ({ topic, partition }: TopicPartition): string => `${partition}/${topic}`;

const countOf = (batches: readonly { readonly count: number }[]): number => batches.reduce((sum, { count }) => sum + count, 0);

const named = ({ batches: { topic, partition } }: Job): { readonly topic: string; readonly partition: number } => ({ topic, partition });

function laneOf({ batches: { topic, partition, batches }, until }: Job, { identity, sequences }: Session): PartitionLane {
  let firstSequence = sequences.next(topic, partition);
  const sealed = batches.map((batch) => {
    const bytes = sealBatch(batch, { ...identity, firstSequence, transactional: false });
    firstSequence += batch.count;
    return bytes;
  });
  return new PartitionLane({ topic, partition }, sealed, until);
}
