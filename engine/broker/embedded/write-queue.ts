import type { AppendResult, CommitResult } from "#broker/broker.ts";
import { BrokerError } from "#broker/broker-error.ts";
import type { Commits, CheckedCommit, RunCommit } from "./commits.ts";
import type { EmbeddedDatabase } from "./database.ts";
import type { Log, Written } from "./log/log.ts";
import type { CheckedBatch } from "./log/offset-gaps.ts";
import type { Partition } from "./log/partitions.ts";

type Waiting = { readonly bytes: number; readonly reject: (error: unknown) => void } & (
  | { readonly kind: "append"; readonly batches: readonly CheckedBatch[]; readonly resolve: (results: readonly AppendResult[]) => void }
  | { readonly kind: "commit"; readonly commit: CheckedCommit; readonly resolve: (result: CommitResult) => void }
);
/** A round that is written and not durable yet. */
type Unsynced = {
  readonly round: readonly Waiting[];
  readonly written: readonly Written[];
  /** What is told to the callers once it is durable. */
  readonly done: readonly (() => void)[];
};

/** Bound of one transaction, so that a burst is several short waits for the disk instead of one long one. */
const maxTransactionBytes = 8 * 1024 * 1024;

export type WriteQueueOptions = {
  readonly database: EmbeddedDatabase;
  readonly log: Log;
  readonly commits: Commits;
  readonly clock: () => number;
  /** Partitions have something new for their readers. */
  readonly onWritten: (partitions: readonly Partition[]) => void;
  /** A transaction has ended. */
  readonly onTransaction: () => void;
};

/**
 * Writes in order of call. All that is called within one turn of the event loop shares transactions; the disk is waited for elsewhere, and what is
 * written meanwhile shares the next waiting. Callers are answered, and readers see anything, only when it is durable.
 */
export class WriteQueue {
  readonly #options;
  #waiting: Waiting[] = [];
  #scheduled = false;
  #unsynced: Unsynced[] = [];
  #syncing = false;

  constructor(options: WriteQueueOptions) {
    this.#options = options;
  }

  append(batches: readonly CheckedBatch[]): Promise<readonly AppendResult[]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly AppendResult[]>();
    this.#enqueue({ kind: "append", batches, bytes: bytesOf(batches), resolve, reject });
    return promise;
  }

  commit(commit: CheckedCommit): Promise<CommitResult> {
    const { promise, resolve, reject } = Promise.withResolvers<CommitResult>();
    this.#enqueue({ kind: "commit", commit, bytes: bytesOf(commit.outputs), resolve, reject });
    return promise;
  }

  /** Does now what is waiting, and waits for the disk. */
  drain(): void {
    while (this.#waiting.length > 0 || this.#unsynced.length > 0) {
      this.#flush();
      if (this.#unsynced.length === 0) continue;
      const failure = this.#options.database.wal.syncNow();
      if (failure === undefined) this.#settle(this.#unsynced.length);
      else this.#fail(failure);
    }
  }

  #enqueue(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const took = this.#flush();
      // Else the next one waits for what is under way, which comes back to it.
      if (took && this.#waiting.length > 0) this.#schedule();
    });
  }

  /** Writes the next round; false when there is none that may be written yet. */
  #flush(): boolean {
    const round = this.#takeRound();
    if (round.length === 0) return false;
    try {
      this.#write(round);
    } catch (error) {
      if (error instanceof BrokerError || round.length === 1) {
        refuse(round, error);
        return true;
      }
      // A bug in one write is its caller's alone: the others are tried again, each for itself.
      for (const one of round) {
        try {
          this.#write([one]);
        } catch (reason) {
          refuse([one], reason);
        }
      }
    }
    this.#sync();
    return true;
  }

  /** The next writes up to the bound, at most one commit a group that is not durable yet: the second is judged by what the first has left. */
  #takeRound(): Waiting[] {
    const groups = new Set<string>();
    for (const { round } of this.#unsynced) for (const one of round) if (one.kind === "commit") groups.add(one.commit.commit.group);
    let bytes = 0;
    let taken = 0;
    for (const next of this.#waiting) {
      const group = next.kind === "commit" ? next.commit.commit.group : undefined;
      if (taken > 0 && bytes + next.bytes > maxTransactionBytes) break;
      if (group !== undefined && groups.has(group)) break;
      if (group !== undefined) groups.add(group);
      bytes += next.bytes;
      taken += 1;
    }
    const round = this.#waiting.slice(0, taken);
    this.#waiting = this.#waiting.slice(taken);
    return round;
  }

  #write(round: readonly Waiting[]): void {
    const { database, log } = this.#options;
    const done: (() => void)[] = [];
    try {
      database.transaction("normal", () => {
        const nowMs = this.#options.clock();
        for (const one of round) done.push(this.#writeOne(one, nowMs));
      });
    } catch (error) {
      log.rollback();
      throw error;
    }
    this.#unsynced.push({ round, written: log.written(), done });
    this.#options.onTransaction();
    try {
      log.placeWaiting();
    } catch (error) {
      // The round is written all the same. It is tried again behind the next one, and whoever writes hears of a disk that is full.
      if (!(error instanceof BrokerError)) throw error;
    }
  }

  /** One waiting at a time: what comes while it is under way may be in it or not, so it has the next one. */
  #sync(): void {
    if (this.#syncing || this.#unsynced.length === 0) return;
    this.#syncing = true;
    const last = this.#unsynced.at(-1)!;
    this.#options.database.wal.sync((error) => {
      this.#syncing = false;
      // Behind a drain, none of them is left.
      if (error !== undefined) this.#fail(error);
      else this.#settle(this.#unsynced.indexOf(last) + 1);
      this.#sync();
      if (this.#waiting.length > 0) this.#schedule();
    });
  }

  /** The first `rounds` are durable. */
  #settle(rounds: number): void {
    const settled = this.#unsynced.slice(0, rounds);
    this.#unsynced = this.#unsynced.slice(rounds);
    const written = settled.flatMap((round) => round.written);
    this.#options.log.publish(written);
    this.#options.onWritten(written.map(({ partition }) => partition));
    for (const { done } of settled) for (const tell of done) tell();
  }

  /** Nobody knows what of it the disk has: it is neither answered for nor shown. */
  #fail(error: BrokerError): void {
    const failed = this.#unsynced;
    this.#unsynced = [];
    for (const { round } of failed) {
      for (const one of round) {
        if (one.kind === "commit") one.reject(error);
        else one.resolve(one.batches.map(() => ({ kind: "retry", afterMs: 1000, reason: error.message, uncertain: true })));
      }
    }
  }

  #writeOne(one: Waiting, nowMs: number): () => void {
    const { log, commits } = this.#options;
    if (one.kind === "append") {
      const results = one.batches.map((checked): AppendResult => {
        const { topic, partition } = checked.batch;
        return { kind: "appended", at: { topic, partition, offset: BigInt(log.write(checked, nowMs)) } };
      });
      return () => one.resolve(results);
    }
    const run: RunCommit = commits.run(one.commit, nowMs);
    return () => {
      try {
        run.settle();
        one.resolve(run.result);
      } catch (error) {
        one.reject(error);
      }
    };
  }
}

/** Nothing of the round was written: what can succeed later is an answer, the rest is an error. */
function refuse(round: readonly Waiting[], error: unknown): void {
  for (const one of round) {
    if (!(error instanceof BrokerError) || !error.retryable) one.reject(error);
    else if (one.kind === "commit") one.resolve({ kind: "aborted", reason: error.message });
    else
      one.resolve(
        one.batches.map(() => ({ kind: "retry", afterMs: error.code === "BROKER_DISK_FULL" ? 1000 : 200, reason: error.message })),
      );
  }
}

const bytesOf = (batches: readonly CheckedBatch[]): number => batches.reduce((sum, { batch }) => sum + batch.bytes.length, 0);
