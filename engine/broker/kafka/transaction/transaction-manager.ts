import { isMemberFenced, isProducerFenced } from "../wire/error-classes.ts";
import { asKafkaError, KafkaError } from "../wire/kafka-error.ts";
import type { ProducerIdentity } from "../produce/sequences.ts";
import type { Committed, Transaction, TransactionOutcome, TransactionStep } from "./transaction.ts";
import { TransactionalProducer, type TransactionalProducerSettings } from "./transactional-producer.ts";

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
  readonly #hurry = new AbortController();
  readonly #settings;
  #phase: Phase = "created";
  #closed = false;
  #running: Promise<unknown> | undefined;
  #fencedBy: KafkaError | undefined;

  constructor(settings: TransactionSettings) {
    this.#settings = settings;
    this.#producer = new TransactionalProducer(settings, this.#hurry.signal);
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
      if (this.#phase === "lost") {
        const fencedBy = await this.#recover();
        if (fencedBy !== undefined) return this.#fence(fencedBy);
      }
      return await this.#run(transaction);
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
    const written = await this.#fill(transaction).catch((error: unknown) => ({ kind: "failed", error }) as const);
    if (written.kind === "failed") return this.#abandon(written.error);
    try {
      await this.#producer.commit(this.#deadlineMs);
    } catch (thrown) {
      const error = asKafkaError(thrown, "commit");
      // Timed out and aborted by the coordinator: a commit that was done answers its repetition like the first time.
      if (error.is("INVALID_TXN_STATE", "TRANSACTION_ABORTABLE")) return this.#abandon(error);
      if (isProducerFenced(error)) return this.#fence(error);
      const fencedBy = await this.#recover();
      return fencedBy === undefined ? { kind: "unknown", error } : this.#fence(fencedBy);
    }
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
      throw error;
    }
  }

  /** After a failure on the way. Whether we are fenced only the coordinator knows: partitions refuse the epoch of a transaction that timed out as well. */
  async #abandon(cause: unknown): Promise<TransactionOutcome> {
    const fencedBy = await this.#abort(cause);
    if (fencedBy !== undefined) this.#fence(fencedBy);
    if (!(cause instanceof KafkaError)) throw cause;
    if (fencedBy !== undefined) return this.#fence(fencedBy);
    return isMemberFenced(cause) ? { kind: "fenced", by: "member", error: cause } : { kind: "aborted", error: cause };
  }

  async #abort(cause: unknown): Promise<KafkaError | undefined> {
    if (this.#phase === "lost") {
      if (cause instanceof KafkaError && isProducerFenced(cause)) return cause;
      return this.#recover();
    }
    if (!this.#producer.sent) return undefined;
    try {
      await this.#producer.abort(this.#deadlineMs);
    } catch (thrown) {
      const error = asKafkaError(thrown, "abort");
      if (isProducerFenced(error)) return error;
      this.#settings.onRetry?.(error);
      return this.#recover();
    }
    return undefined;
  }

  /**
   * Until it is known how the last transaction ended there is nothing else to do, so this goes on until it succeeds, is refused or closed.
   * Protocol 2 tells us when there is a successor. In protocol 1 the coordinator, while a transaction is open, refuses its own producer too.
   */
  async #recover(): Promise<KafkaError | undefined> {
    this.#phase = "lost";
    const { version, identity } = this.#producer;
    try {
      if (version === 2) await this.#init(Number.POSITIVE_INFINITY, identity).catch((thrown: unknown) => this.#unlessFenced(thrown));
      if (this.#phase === "lost") await this.#init(Number.POSITIVE_INFINITY);
    } catch (thrown) {
      const error = asKafkaError(thrown, "init producer");
      if (this.#fencedBy === undefined) throw error;
      return error;
    }
    return undefined;
  }

  /** An epoch that is used up cannot be raised, only replaced. */
  #unlessFenced(thrown: unknown): void {
    const error = asKafkaError(thrown, "init producer");
    if (this.#fencedBy !== undefined || this.#hurry.signal.aborted) throw error;
    this.#settings.onRetry?.(error);
  }

  async #init(forMs: number, as?: ProducerIdentity): Promise<void> {
    try {
      await this.#producer.init(forMs, as);
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
