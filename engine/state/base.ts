import type { StoreDelta } from "#broker/broker.ts";
import type { StoreSpec } from "./store.ts";

export type BaseRow = { readonly key: Uint8Array; readonly value: Uint8Array };

/**
 * The folded entries of one store: rows in order of key bytes, as `delta.ts` makes them. Reads see all writes before them;
 * writes are made within a `transaction` of the task's base.
 */
export interface BaseStore {
  /** Windows that start before it are gone, whether their rows are or not; 0 when none is. */
  readonly expired: number;
  /** Deltas of commits up to and with this one belong to an earlier store of the same name. */
  readonly since: bigint;
  /** True when there is no row. */
  readonly empty: boolean;
  get(key: Uint8Array): Uint8Array | undefined;
  /** At most `limit` rows with `from` ≤ key < `to`. */
  page(from: Uint8Array, to: Uint8Array | undefined, limit: number): readonly BaseRow[];
  /** The keys of at most `limit` rows with `from` ≤ key < `to`. */
  keys(from: Uint8Array, to: Uint8Array, limit: number): readonly Uint8Array[];
  put(key: Uint8Array, value: Uint8Array): void;
  delete(key: Uint8Array): void;
  /** Deletes at most `limit` rows with key < `to`, the least first; answers how many there were. */
  deleteBefore(to: Uint8Array, limit: number): number;
  markExpired(before: number): void;
}

export type CommittedDelta = StoreDelta & { readonly number: bigint };

/** What of one task is on disk: the deltas of its tail and the rows that older ones were folded into. One adapter a storage. */
export interface StateBase {
  /**
   * True where deltas go on to a log that keeps the newest of each key and knows no ranges: rows of expired windows are then told as deletes, a few a
   * commit, and neither they nor the deltas that they were in leave before that is durable.
   */
  readonly tellsExpired: boolean;
  /** Every commit up to and with this one is folded. */
  readonly folded: bigint;
  /** Stores that were forgotten, of which no commit has told yet. */
  readonly forgotten: readonly string[];
  /** A durable commit has told of them. */
  markTold(): void;
  /** Deltas of the commits behind `folded`, in their order. */
  tail(): readonly CommittedDelta[];
  /** The store's rows; makes the store when it is new. @throws {StateError} `STATE_STORE_MISMATCH` when it was of another kind */
  store(name: string, kind: StoreSpec["kind"]): BaseStore;
  /** All writes of `work` or, when it throws, none; need not be durable before the commits behind it are. */
  transaction<T>(work: () => T): T;
  markFolded(number: bigint): void;
  /** Deletes some of what nobody needs any more (folded deltas, rows of forgotten stores), in a transaction of its own, within a few milliseconds; true when there is more. */
  tidy(): boolean;
}
