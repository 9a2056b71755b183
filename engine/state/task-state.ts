import type { StoreDelta, TaskId } from "#broker/broker.ts";
import type { KeyValueStore, StoreSpec, WindowStore } from "./store.ts";

/** Of a task, or of all open tasks of a storage, which share them. */
export type TaskStateLimits = {
  /** Bound of the tail, in entries: at it, `mustFold` asks for folding before reading. */
  readonly tailEntries: number;
  /** Bound of the tail, in bytes of deltas. */
  readonly tailBytes: number;
  /** Entries kept in memory once they are folded; above it the least recently used leave. */
  readonly cachedEntries: number;
};

/**
 * All stores of one task. Its life: `StateStorage.open` reads the tail, then for each commit
 * 1. `takeChanges` encodes each dirty key once  2. the broker commits them  3. `committed(number)` makes them part of the tail  4. `fold` moves some of the tail to the base.
 * A task that must forget what it did since its last commit is closed and opened again.
 */
export interface TaskState {
  readonly task: TaskId;
  keyValue<V>(store: string): KeyValueStore<V>;
  window<V>(store: string): WindowStore<V>;
  /** Number of dirty keys and expiries; 0 exactly when `takeChanges` has nothing to say. */
  readonly dirtyCount: number;
  takeChanges(): readonly StoreDelta[];
  /** The taken changes are durable under this commit number. */
  committed(number: bigint): void;
  /**
   * The number of the last commit that can have changed the store, 0 when none can: the store is the same as of every commit from it on. Exact while
   * that commit is in the tail; behind a restart, what was folded by then counts as one change.
   */
  changedAt(store: string): bigint;
  /** True when the tail is at its bound. */
  readonly mustFold: boolean;
  /**
   * Folds about `entries` entries of closed generations into the base, in one transaction of its own; answers how many are left to fold.
   * One and a half times the entries of each commit keep up. Not to be called on a task that failed: a value that was changed and not put would be written.
   */
  fold(entries: number): number;
  close(): void;
}

/** Where tails and bases lie; adapters: `memory/` (test driver), `embedded/` (the SQLite file of the embedded log). */
export interface StateStorage {
  /** Opens the state as of the task's last commit: reads the tail, leaves the base on disk. @throws {StateError} `STATE_CORRUPT` */
  open(task: TaskId, stores: Readonly<Record<string, StoreSpec>>): TaskState;
}
