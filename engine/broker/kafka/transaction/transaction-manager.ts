import { isMemberFenced, isProducerFenced } from "../wire/error-classes.ts";
import { asKafkaError, KafkaError } from "../wire/kafka-error.ts";
import type { ProducerIdentity } from "../produce/sequences.ts";
import { MissingMarkers } from "./missing-markers.ts";
import type { Committed, Transaction, TransactionOutcome, TransactionStep } from "./transaction.ts";
import { type Ending, isOver, type Settled, TransactionalProducer, type TransactionalProducerSettings } from "./transactional-producer.ts";

export type TransactionSettings = TransactionalProducerSettings & {
  /** How long what is retriable is asked again before the transaction is given up, and again before its end is; 35 s unless told. */
  readonly deadlineMs?: number;
  /** Called at each step; what it throws before `ended` aborts the transaction, and is thrown by `run` in any case. */
  readonly onStep?: (step: TransactionStep) => void;
};

/**
 * created ─open─▶ ready ◀─run─▶ ready
 *                   │ how a transaction ended cannot be learnt, or it cannot be ended
 *                   ▼
 *                 lost ─▶ ready (taken over anew)          any ─▶ fenced (final)          any ─▶ closed
 */
type Phase = "created" | "ready" | "lost" | "fenced" | "closed";

/**
 * Runs transactions of one transactional id, one at a time: 1. batches  2. offsets  3. commit. After any failure on the way it only ever aborts,
 * since a commit would take what did arrive; and it settles every end before it answers.
 */
export class TransactionManager {
  readonly #producer;
  readonly #markers;
  readonly #hurry = new AbortController();
  readonly #settings;
  #phase: Phase = "created";
  #closed = false;
  #running: Promise<unknown> | undefined;
  #fencedBy: KafkaError | undefined;
  /** What was asked for and not answered, when lost; undefined: who we are. */
  #asked: Ending | undefined;

  constructor(settings: TransactionSettings) {
    this.#settings = settings;
    this.#producer = new TransactionalProducer(settings, this.#hurry.signal);
    this.#markers = new MissingMarkers(this.#producer);
  }

  /** Id and epoch of the next transaction. */
  get identity(): ProducerIdentity {
    return this.#producer.identity;
  }

  get phase(): Phase {
    return this.#phase;
  }

  /**
   * Fences every other holder of the transactional id, and waits until what it left open is aborted.
   * @throws {KafkaError} not reached within the deadline, not allowed; fenced: for good
   */
  open(): Promise<void> {
    return this.#alone(async () => {
      if (this.#fencedBy !== undefined) throw this.#fencedBy;
      await this.#init(this.#deadlineMs);
    });
  }

  /**
   * Makes batches and offsets durable at once, or none of it. Answers when the outcome is known, however long that takes.
   * @throws {KafkaError} closed, or refused for good, before the outcome was known: `open` must succeed before offsets are compared
   * @throws what `onStep` or `confirm` threw, once the outcome is known
   */
  run(transaction: Transaction): Promise<TransactionOutcome> {
    return this.#alone(async () => {
      if (this.#phase === "created") throw new Error(`${this.#id}: not open yet`);
      if (transaction.offsets.length > 0 && transaction.member.memberId === "") {
        throw new Error(`${this.#id}: offsets without a member are taken from anybody, so nobody would be fenced`);
      }
      if (this.#fencedBy !== undefined) return { kind: "fenced", by: "producer", error: this.#fencedBy };
      if (this.#phase === "lost") await this.#recover(this.#asked);
      if (this.#fencedBy !== undefined) return this.#fence(this.#fencedBy);
      return await this.#run(transaction);
    });
  }

  /**
   * Tells how a transaction ended whose outcome was `unknown`, once it was found out: markers of it that are missing are written, before another
   * transaction could take along what it wrote.
   */
  settled(ending: Ending, transaction: Transaction): Promise<void> {
    return this.#alone(async () => {
      this.#producer.wasAway = true;
      await this.#mark(ending, transaction);
    });
  }

  /** Lets what is under way come to its end; after `graceMs` nothing is asked a second time. What is left open then a successor or the timeout aborts. */
  async close(graceMs = this.#deadlineMs): Promise<void> {
    this.#closed = true;
    const hurry = setTimeout(() => this.#hurry.abort(), graceMs);
    await this.#running?.catch(() => undefined);
    clearTimeout(hurry);
    this.#phase = "closed";
  }

  get #id(): string {
    return `transactional id ${this.#settings.transactionalId}`;
  }

  get #deadlineMs(): number {
    return this.#settings.deadlineMs ?? 35_000;
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new KafkaError(`${this.#id} is closed`, ["CLOSED"]);
    if (this.#running !== undefined) throw new Error(`${this.#id}: one thing at a time`);
    const running = work();
    this.#running = running;
    try {
      return await running;
    } finally {
      this.#running = undefined;
    }
  }

  async #run(transaction: Transaction): Promise<TransactionOutcome> {
    const partitions = new Set(transaction.batches.map(({ topic, partition }) => `${partition}/${topic}`));
    if (partitions.size < transaction.batches.length || transaction.batches.some(({ batches }) => batches.length === 0)) {
      throw new RangeError(`${this.#id}: each partition at most once, with at least one batch`);
    }
    if (transaction.batches.length === 0 && transaction.offsets.length === 0) return { kind: "committed", written: [], batches: [] };
    this.#producer.wasAway = false;
    const written = await this.#fill(transaction).catch((error: unknown) => ({ kind: "failed", error }) as const);
    if (written.kind === "failed") return this.#abandon(transaction, written.error);
    try {
      await this.#producer.commit(this.#deadlineMs);
    } catch (thrown) {
      const error = asKafkaError(thrown, "commit");
      // A commit that was done answers its repetition like the first time.
      if (isOver(error)) return this.#abandon(transaction, error);
      if (isProducerFenced(error)) return this.#fence(error);
      const settled = await this.#recover("commit");
      if (this.#fencedBy !== undefined) return this.#fence(this.#fencedBy);
      if (settled === "open") return { kind: "unknown", error };
      if (settled === "abort") await this.#mark("abort", transaction);
      if (settled === "abort") return { kind: "aborted", error };
    }
    this.#markers.committed(written.written);
    await this.#mark("commit", transaction);
    this.#settings.onStep?.("ended");
    return written;
  }

  /** All of a transaction but its end. */
  async #fill(transaction: Transaction): Promise<Committed> {
    const { onStep } = this.#settings;
    const { batches, offsets } = transaction;
    const until = performance.now() + this.#deadlineMs;
    onStep?.("begun");
    if (this.#producer.isWornOut(batches)) await this.#bump();
    const written = await this.#producer.produce(batches, until - performance.now());
    onStep?.("produced");
    if (offsets.length > 0) await this.#producer.sendOffsets(transaction, until - performance.now());
    onStep?.("offsets-sent");
    transaction.confirm?.();
    onStep?.("ending");
    return {
      kind: "committed",
      written: written.map(({ topic, partition, bases }, i) => ({
        topic,
        partition,
        offset: bases.at(-1)! + BigInt(batches[i]!.batches.at(-1)!.count),
      })),
      batches: written,
    };
  }

  /** An epoch that may have been raised cannot be used any more. */
  async #bump(): Promise<void> {
    try {
      await this.#producer.bump(this.#deadlineMs);
    } catch (error) {
      this.#phase = "lost";
      this.#asked = undefined;
      throw error;
    }
  }

  /** After a failure on the way. Whether we are fenced only the coordinator knows: partitions refuse the epoch of a transaction that timed out as well. */
  async #abandon(transaction: Transaction, cause: unknown): Promise<TransactionOutcome> {
    await this.#abort(cause);
    if (this.#fencedBy === undefined) await this.#mark("abort", transaction);
    if (!(cause instanceof KafkaError)) throw cause;
    if (this.#fencedBy !== undefined) return this.#fence(this.#fencedBy);
    return isMemberFenced(cause) ? { kind: "fenced", by: "member", error: cause } : { kind: "aborted", error: cause };
  }

  async #abort(cause: unknown): Promise<void> {
    if (this.#phase === "lost") {
      if (cause instanceof KafkaError && isProducerFenced(cause)) this.#fence(cause);
      else await this.#recover(undefined);
    } else if (this.#producer.sent) {
      try {
        await this.#producer.abort(this.#deadlineMs);
      } catch (thrown) {
        const error = asKafkaError(thrown, "abort");
        if (isProducerFenced(error)) return void this.#fence(error);
        this.#settings.onRetry?.(error);
        await this.#recover("abort");
      }
    }
  }

  /** Where the cluster was away meanwhile markers may be missing. What fails here is no more than what would have been without it. */
  async #mark(ending: Ending, transaction: Transaction): Promise<void> {
    if (!this.#producer.wasAway || this.#phase !== "ready") return;
    try {
      await this.#markers.mend(ending, transaction, this.#deadlineMs);
    } catch (thrown) {
      const error = asKafkaError(thrown, "mark");
      if (isProducerFenced(error)) return void this.#fence(error);
      this.#settings.onRetry?.(error);
      this.#phase = "lost";
      this.#asked = this.#producer.asked;
    }
  }

  /**
   * Until it is known how the last transaction ended there is nothing else to do, so this goes on until it succeeds, is refused or closed.
   * Protocol 2 tells us when there is a successor. In protocol 1 the coordinator, while a transaction is open, refuses its own producer too.
   * @returns how it ended, as far as it is known; that we are fenced `#fencedBy` says
   */
  async #recover(asked: Ending | undefined): Promise<Settled> {
    this.#phase = "lost";
    this.#asked = asked;
    this.#producer.wasAway = true;
    try {
      if (this.#producer.version === 2) return await this.#settle(asked);
    } catch (thrown) {
      const error = asKafkaError(thrown, "settle");
      if (isProducerFenced(error)) this.#fence(error);
      if (this.#fencedBy !== undefined) return "open";
      if (this.#hurry.signal.aborted) throw error;
      // An epoch that is used up cannot be raised, only replaced.
      this.#settings.onRetry?.(error);
    }
    await this.#init(Number.POSITIVE_INFINITY).catch((thrown: unknown) => {
      if (this.#fencedBy === undefined) throw thrown;
    });
    return "open";
  }

  async #settle(asked: Ending | undefined): Promise<Settled> {
    const { identity } = this.#producer;
    if (asked === undefined) await this.#producer.init(Number.POSITIVE_INFINITY, identity);
    const settled = asked === undefined ? "open" : await this.#producer.settle(asked, this.#deadlineMs);
    this.#phase = "ready";
    return settled;
  }

  async #init(forMs: number): Promise<void> {
    try {
      await this.#producer.init(forMs);
    } catch (thrown) {
      const error = asKafkaError(thrown, "init producer");
      // Somebody else has taken the id over, or does at this very moment.
      if (isProducerFenced(error)) this.#fence(error);
      throw error;
    }
    this.#phase = "ready";
  }

  #fence(error: KafkaError): TransactionOutcome {
    this.#phase = "fenced";
    this.#fencedBy ??= error;
    return { kind: "fenced", by: "producer", error: this.#fencedBy };
  }
}
