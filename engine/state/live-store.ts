import type { BaseStore } from "./base.ts";
import type { Codec } from "./codec.ts";
import type { DeltaReader, DeltaWriter } from "#broker/store-delta.ts";
import type { CacheCount, Entry, Segment } from "./segment.ts";
import type { StoreSpec } from "./store.ts";

export type LiveStoreParts<V> = {
  readonly name: string;
  readonly codec: Codec<V>;
  readonly base: BaseStore;
  readonly cache: CacheCount;
  /** As its base says. */
  readonly tellsExpired: boolean;
};

/** What the task asks of each of its stores, of either kind. */
export interface LiveStore<V = unknown> {
  readonly name: string;
  readonly kind: StoreSpec["kind"];
  readonly codec: Codec<V>;
  readonly base: BaseStore;
  /** Entries of the next delta. */
  readonly dirtyCount: number;
  segments(): Iterable<Segment<V>>;
  /** Writes what is dirty; it is `taken` from then on. */
  take(writer: DeltaWriter): void;
  /** Writes at most `limit` deletes of rows of expired windows, where they are told; answers how many. */
  tell(writer: DeltaWriter, limit: number): number;
  /** True when `tell` may have something to say. */
  readonly untold: boolean;
  /** The taken changes are committed: hands their entries over, each once. */
  committed(each: (entry: Entry<V>) => void): void;
  /** Takes the reader's entry into memory, unless the key is there already; newer deltas come first. */
  restore(reader: DeltaReader): Entry<V> | undefined;
  /** Deletes up to `limit` rows of expired windows; answers how many there were. */
  trim(limit: number): number;
  /** True when `trim` has something to do. */
  readonly untrimmed: boolean;
  /** Writes the committed expiry into the base. */
  markExpired(): void;
}
