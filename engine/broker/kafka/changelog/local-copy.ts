import type { TaskCommit, TaskId } from "#broker/broker.ts";
import type { ChangelogBatch } from "./changelog-entry.ts";

/** What is kept of a task here: everything that its changelog says before `next`. */
export type LocalCheckpoint = {
  /** The last commit that is here, with its meta; 0n while the first restore is under way. */
  readonly number: bigint;
  readonly meta: Uint8Array;
  /** Offset of the changelog where reading goes on. */
  readonly next: bigint;
  /** Kafka's id of the changelog topic: one that was deleted and made again has another. */
  readonly changelog: string;
  /** False while a restore is under way: the rows are of no one commit. */
  readonly whole: boolean;
  /** Milliseconds since the epoch at which it was last what its changelog says before `next`, deletes included. */
  readonly writtenAtMs: number;
};

export type LocalCommit = {
  readonly commit: TaskCommit;
  readonly next: bigint;
  readonly changelog: string;
  readonly atMs: number;
};

/** A task's state being brought up to its last commit. What was applied is kept when the restore is cut off, unless it was little. */
export interface Restoration {
  /** The last commit that was applied. */
  readonly last: { readonly number: bigint; readonly meta: Uint8Array } | undefined;
  /** Records in the order of the changelog, and where it goes on behind them. @throws {BrokerError} `BROKER_CORRUPT` for records that are none of ours */
  apply(batches: readonly ChangelogBatch[], next: bigint): void | Promise<void>;
  /** Reading ends before the end: what was applied is kept. */
  cutOff(): void;
  /** Everything up to `last` was applied, and the changelog goes on at `next`: the state can be opened. */
  finish(next: bigint): void;
}

/**
 * Where the state of a worker's tasks lies on its own disk. Written behind each Kafka commit: after a crash it is at most one commit behind.
 * The changelog is what counts; this spares reading it.
 */
export interface LocalCopy {
  read(task: TaskId): LocalCheckpoint | undefined;
  /** Whether a store was forgotten here of which no commit has told yet: then more than what comes is missing. */
  hasUntold(task: TaskId): boolean;
  /** All tasks of which there is something, for the assignor. */
  tasks(): readonly TaskId[];
  /** Commits that Kafka has made durable. */
  write(commits: readonly LocalCommit[]): void;
  /** `behind` is about how many records will come; a task that is far behind is written through, one that is not, at the end. */
  restore(task: TaskId, changelog: { readonly id: string; readonly behind: bigint; readonly atMs: number }): Restoration;
  /** Throws away what is here of a task. */
  forget(task: TaskId): void;
}
