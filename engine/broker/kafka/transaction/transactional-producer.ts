import type { Position } from "#broker/broker.ts";
import { PartitionLane } from "../produce/partition-lane.ts";
import type { PartitionBatches, WrittenBatches } from "../produce/partition-batches.ts";
import { newTopic, sendBatches } from "../produce/send-batches.ts";
import { type ProducerIdentity, sequenceLimit, Sequences } from "../produce/sequences.ts";
import { sealBatch } from "../codec/batch-writer.ts";
import type { KafkaClient, Request } from "../wire/kafka-client.ts";
import { isProducerFenced } from "../wire/error-classes.ts";
import { asKafkaError, type KafkaError, network } from "../wire/kafka-error.ts";
import type { TopicPartition } from "../wire/leaders.ts";
import { persist } from "../wire/persist.ts";
import { openTransactions } from "./open-transactions.ts";
import type { Transaction } from "./transaction.ts";
import {
  addOffsets,
  addPartitions,
  endTxn,
  initProducerId,
  nobody,
  txnOffsetCommit,
  type TransactionVersion,
} from "./transaction-requests.ts";

/** What transactions need of a client; it serves them alone, so that no answer waits behind another role's. */
export type TransactionClient = Pick<KafkaClient, "send" | "known" | "metadata" | "coordinator" | "finalizedFeature">;

export type TransactionalProducerSettings = {
  readonly client: TransactionClient;
  readonly transactionalId: string;
  /** After so long the coordinator aborts a transaction by itself: above the longest commit, and it bounds every take-over. */
  readonly timeoutMs: number;
  /** The protocol to speak; as a rule the cluster's `transaction.version` says it. */
  readonly version?: TransactionVersion;
  /** Where the sequence numbers of a new producer id begin: 0 but for tests of their end (protocol 1 only). */
  readonly firstSequence?: number;
  /** Told of each error that is followed by another attempt. */
  readonly onRetry?: (error: KafkaError) => void;
};

export type Ending = "commit" | "abort";
/** How a transaction ended of which nothing was heard. `open`: either way, and it cannot be said which. */
export type Settled = Ending | "open";

/** What gets a marker. */
export type Marked = { readonly partitions: readonly TopicPartition[]; readonly group: string | undefined };

/** Where a coordinator may have been started again between two requests. */
const astray = [network, "NOT_COORDINATOR", "COORDINATOR_NOT_AVAILABLE", "COORDINATOR_LOAD_IN_PROGRESS"];
/** CONCURRENT_TRANSACTIONS passes within tens of milliseconds, so pauses stay short. */
const pauses = { pauseMs: 10, maxPauseMs: 80 };
/** How long a partition's leader may wait for its replicas. */
const produceTimeoutMs = 10_000;
/** Batches of a partition under way; the broker remembers five. */
const window = 4;

/**
 * Says what the two transaction protocols want said: who we are, what is in the transaction, how it ends. Knows nothing of outcomes;
 * every call asks again until it is answered or its time is over, always the identical request.
 */
export class TransactionalProducer {
  /** Something had to be asked again of a coordinator or leader that was away, since this was last false. */
  wasAway = false;
  /** What was asked for last in the end. */
  asked: Ending = "abort";
  readonly #settings;
  readonly #signal;
  #version: TransactionVersion = 1;
  #identity = nobody;
  #sequences = new Sequences();
  #sent = false;

  constructor(settings: TransactionalProducerSettings, signal: AbortSignal) {
    this.#settings = settings;
    this.#signal = signal;
  }

  get identity(): ProducerIdentity {
    return this.#identity;
  }

  get version(): TransactionVersion {
    return this.#version;
  }

  /** Something was sent that may have opened a transaction which has not ended. */
  get sent(): boolean {
    return this.#sent;
  }

  /**
   * Takes the transactional id over, and answers when what was open under it has ended. As nobody: whoever held it is fenced. As who we are:
   * refused when there is a successor.
   */
  async init(forMs: number, as: ProducerIdentity = nobody): Promise<void> {
    await this.#persist("init producer", forMs, (refresh) => this.#initOnce(as, refresh));
  }

  async #initOnce(as: ProducerIdentity, refresh: boolean): Promise<void> {
    const { client, transactionalId, timeoutMs } = this.#settings;
    const version = this.#settings.version ?? ((await client.finalizedFeature("transaction.version")) >= 2 ? 2 : 1);
    const node = await client.coordinator("transaction", transactionalId, refresh);
    const doing = `init producer ${transactionalId}`;
    this.#adopt(await client.send(node, initProducerId(transactionalId, timeoutMs, as), doing));
    this.#version = version;
  }

  /** True when sequence numbers would not last for these batches: `bump` first. */
  isWornOut(batches: readonly PartitionBatches[]): boolean {
    return batches.some(({ topic, partition, batches: those }) => this.#sequences.next(topic, partition) + countOf(those) > sequenceLimit);
  }

  /** Raises the epoch, so that sequence numbers begin anew; refused when there is a successor. */
  async bump(forMs: number): Promise<void> {
    const { transactionalId, timeoutMs } = this.#settings;
    this.#adopt(await this.#coordinator("raise epoch", forMs, initProducerId(transactionalId, timeoutMs, this.#identity)));
  }

  /** Writes batches as part of the transaction. @throws {KafkaError} the first that was refused; nothing is under way any more then */
  async produce(batches: readonly PartitionBatches[], forMs: number): Promise<WrittenBatches[]> {
    if (batches.length === 0) return [];
    const { client, transactionalId } = this.#settings;
    const until = performance.now() + forMs;
    const lanes = batches.map(({ topic, partition, batches: those }) => {
      let firstSequence = this.#sequences.next(topic, partition);
      const sealed = those.map((batch) => {
        const bytes = sealBatch(batch, { ...this.#identity, firstSequence, transactional: true });
        firstSequence += batch.count;
        return bytes;
      });
      return new PartitionLane({ topic, partition }, sealed, until);
    });
    this.#sent = true;
    if (this.#version === 1) await this.#coordinator("add partitions", forMs, addPartitions(transactionalId, this.#identity, batches));
    await sendBatches(client, lanes, {
      produce: { transactionalId, version: this.#version === 2 ? 12 : 11, timeoutMs: produceTimeoutMs },
      window,
      together: true,
      signal: this.#signal,
      onRetry: (error) => this.#retried(error),
    });
    const failure = lanes.find((lane) => lane.failure !== undefined)?.failure;
    if (failure !== undefined) throw failure;
    for (const { topic, partition, batches: those } of batches) this.#sequences.advance(topic, partition, countOf(those));
    return lanes.map(({ topic, partition, bases }) => ({ topic, partition, bases }));
  }

  /** Makes the offsets part of the transaction; the group judges member and generation now, and not again when it ends. */
  async sendOffsets({ group, member, offsets }: Transaction, forMs: number): Promise<void> {
    const { client, transactionalId } = this.#settings;
    const until = performance.now() + forMs;
    const identity = this.#identity;
    this.#sent = true;
    if (this.#version === 1) await this.#coordinator("add offsets", forMs, addOffsets(transactionalId, identity, group));
    const request = txnOffsetCommit({ transactionalId, version: this.#version, identity, group, member, offsets });
    const doing = `offsets of group ${group}`;
    await this.#persist(doing, until - performance.now(), async (refresh) =>
      client.send(await client.coordinator("group", group, refresh), request, doing),
    );
  }

  /** Ends the transaction. The answer says who we are from now on (protocol 2), so it is asked for until it is had. */
  async commit(forMs: number): Promise<void> {
    await this.#end(true, forMs);
  }

  /** In protocol 1 the epoch is raised too: batches of the aborted transaction that are still on their way must not be taken for the next one's. */
  async abort(forMs: number): Promise<void> {
    const until = performance.now() + forMs;
    try {
      await this.#end(false, forMs);
    } catch (error) {
      // Nothing of it had reached the coordinator.
      if (this.#version === 2 || !asKafkaError(error, "abort").is("INVALID_TXN_STATE")) throw error;
    }
    if (this.#version === 1) await this.bump(until - performance.now());
    this.#sent = false;
  }

  /**
   * Protocol 2: ends the transaction whose end was asked for and not answered, or learns how it ended; for as long as that takes. The request that was not
   * answered says most: its repetition is answered like the first one, also by a coordinator that was started again and has forgotten the epoch before,
   * so that it takes `init` as who we are for a zombie's. A real zombie is fenced by both. Where only the former does not get through, `init` ends it;
   * that it is refused is believed after `doubtMs` of that.
   * @throws {KafkaError} fenced; an epoch that is used up; given up
   */
  async settle(asked: Ending, doubtMs: number): Promise<Settled> {
    const as = this.#identity;
    let ending = asked;
    let doubtUntil = Number.POSITIVE_INFINITY;
    return this.#persist("settle", Number.POSITIVE_INFINITY, async (refresh) => {
      try {
        // Given up by the coordinator meanwhile: in no state to be committed, and then the abort is ours.
        await this.#endOnce(ending, refresh).catch((thrown: unknown) => {
          if (ending === "abort" || !isOver(thrown)) throw thrown;
          ending = "abort";
          return this.#endOnce(ending, false);
        });
        return ending;
      } catch (thrown) {
        const error = asKafkaError(thrown, "settle");
        if (!error.is(network)) throw error;
        return await this.#initOnce(as, true).then(
          () => "open" as const,
          (refused: unknown) => {
            if (!isProducerFenced(asKafkaError(refused, "settle"))) throw refused;
            doubtUntil = Math.min(doubtUntil, performance.now() + doubtMs);
            throw performance.now() < doubtUntil ? error : refused;
          },
        );
      }
    });
  }

  /** Ends a transaction that has these partitions and this group, and nothing in it: each gets a marker. */
  async mark(ending: Ending, { partitions, group }: Marked, forMs: number): Promise<void> {
    const { transactionalId } = this.#settings;
    const until = performance.now() + forMs;
    const identity = this.#identity;
    this.asked = ending;
    if (partitions.length > 0) await this.#coordinator("add partitions", forMs, addPartitions(transactionalId, identity, partitions));
    if (group !== undefined)
      await this.#coordinator("add offsets", until - performance.now(), addOffsets(transactionalId, identity, group));
    await this.#end(ending === "commit", until - performance.now());
  }

  /** Where a transaction of this producer is open among these partitions, and from which offset on. */
  async openAmong(partitions: Marked["partitions"], forMs: number): Promise<readonly Position[]> {
    const { producerId } = this.#identity;
    return this.#persist("open transactions", forMs, () => openTransactions(this.#settings.client, producerId, partitions));
  }

  async #end(commit: boolean, forMs: number): Promise<void> {
    const ending = commit ? "commit" : "abort";
    this.asked = ending;
    await this.#persist(`${ending} of ${this.#settings.transactionalId}`, forMs, (refresh) => this.#endOnce(ending, refresh));
  }

  async #endOnce(ending: Ending, refresh: boolean): Promise<void> {
    const { client, transactionalId } = this.#settings;
    const request = endTxn(transactionalId, this.#identity, { version: this.#version, commit: ending === "commit" });
    const node = await client.coordinator("transaction", transactionalId, refresh);
    const next = await client.send(node, request, `${ending} of ${transactionalId}`);
    if (next !== undefined) this.#adopt(next);
    this.#sent = false;
  }

  #adopt({ producerId, producerEpoch }: ProducerIdentity): void {
    this.#identity = { producerId, producerEpoch };
    this.#sequences = new Sequences(producerEpoch === 0 ? this.#settings.firstSequence : 0);
    this.#sent = false;
  }

  #coordinator<R>(doing: string, forMs: number, request: Request<R>): Promise<R> {
    const { client, transactionalId } = this.#settings;
    const what = `${doing} of ${transactionalId}`;
    return this.#persist(what, forMs, async (refresh) =>
      client.send(await client.coordinator("transaction", transactionalId, refresh), request, what),
    );
  }

  #persist<T>(doing: string, forMs: number, attempt: (refresh: boolean) => Promise<T>): Promise<T> {
    return persist(
      doing,
      { forMs, ...pauses, mayPass: newTopic(), signal: this.#signal, onRetry: (error) => this.#retried(error) },
      attempt,
    );
  }

  #retried(error: KafkaError): void {
    this.wasAway ||= error.is(...astray);
    this.#settings.onRetry?.(error);
  }
}

const countOf = (batches: readonly { readonly count: number }[]): number => batches.reduce((sum, { count }) => sum + count, 0);

/** The coordinator has given the transaction up. */
export const isOver = (error: unknown): boolean => asKafkaError(error, "end").is("INVALID_TXN_STATE", "TRANSACTION_ABORTABLE");
