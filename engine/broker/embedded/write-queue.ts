import type { AppendResult, CommitResult } from "#broker/broker.ts";
import { BrokerError } from "#broker/broker-error.ts";
import type { Commits, CheckedCommit, RunCommit } from "./commits.ts";
import type { EmbeddedDatabase } from "./database.ts";
import type { Log } from "./log/log.ts";
import type { CheckedBatch } from "./log/offset-gaps.ts";
import type { Partition } from "./log/partitions.ts";

type Waiting = { readonly bytes: number; readonly reject: (error: unknown) => void } & (
  | { readonly kind: "append"; readonly batches: readonly CheckedBatch[]; readonly resolve: (results: readonly AppendResult[]) => void }
  | { readonly kind: "commit"; readonly commit: CheckedCommit; readonly resolve: (result: CommitResult) => void }
);
/** What a transaction made of one write: to be told to its caller once it is durable. */
type Done = (() => void)[];

/** Bound of one transaction, so that a burst is several short waits for the disk instead of one long one. */
const maxTransactionBytes = 8 * 1024 * 1024;

export type WriteQueueOptions = {
  readonly database: EmbeddedDatabase;
  readonly log: Log;
  readonly commits: Commits;
  readonly clock: () => number;
  readonly onWritten: (partitions: readonly Partition[]) => void;
};

/** Writes in order of call. All that is called within one turn of the event loop shares transactions, and so the waiting for the disk. */
export class WriteQueue {
  readonly #options;
  #waiting: Waiting[] = [];
  #scheduled = false;

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

  /** Does now what is waiting. */
  drain(): void {
    while (this.#waiting.length > 0) this.#flush();
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
      this.#flush();
      if (this.#waiting.length > 0) this.#schedule();
    });
  }

  #flush(): void {
    const round = this.#takeRound();
    if (round.length === 0) return;
    try {
      this.#write(round);
    } catch (error) {
      if (error instanceof BrokerError || round.length === 1) return refuse(round, error);
      // A bug in one write is its caller's alone: the others are tried again, each for itself.
      for (const one of round) {
        try {
          this.#write([one]);
        } catch (reason) {
          refuse([one], reason);
        }
      }
    }
  }

  /** The next writes up to the bound, at most one commit a group: the second is judged by what the first has left. */
  #takeRound(): Waiting[] {
    const groups = new Set<string>();
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
    const { database, log, onWritten } = this.#options;
    const done: Done = [];
    try {
      database.transaction("full", () => {
        const nowMs = this.#options.clock();
        for (const one of round) done.push(this.#writeOne(one, nowMs));
      });
    } catch (error) {
      log.rollback();
      throw error;
    }
    onWritten(log.settle());
    for (const tell of done) tell();
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
