import type { BaseStore } from "./base.ts";
import type { Codec } from "./codec.ts";
import { startBytes, writeStart } from "#broker/store-delta.ts";
import { compareKeys } from "./key-order.ts";
import { RowCursor } from "./row-cursor.ts";
import { SortedKeys } from "./sorted-keys.ts";
import { StateError } from "./state-error.ts";

/** Flags of an entry. `dirty`: put since the last `takeChanges`; `taken`: in changes that are not committed; `cached`: the base has it, so it may leave. */
export const entryFlags = { dirty: 1, taken: 2, used: 4, cached: 8 } as const;
const { dirty, used, cached } = entryFlags;

/** One key in memory; without a value, decoded or stored, it is a tombstone. */
export class Entry<V> {
  readonly segment: Segment<V>;
  readonly key: string;
  value: V | undefined;
  /** The value as it was read back from the tail: most are not asked for before they are folded. */
  stored: StoredValue | undefined;
  flags: number;
  /** The generation that its newest committed delta belongs to; 0 when the base has that, or there was none. */
  generation = 0;

  constructor(segment: Segment<V>, key: string, value: V | undefined) {
    this.segment = segment;
    this.key = key;
    this.value = value;
    this.stored = undefined;
    this.flags = 0;
  }
}

/** Bytes of a value within a delta. A view of its own would cost more than the entry does. */
export type StoredValue = { readonly delta: Uint8Array; readonly from: number; readonly to: number };

/** What a segment needs of its store. */
export type SegmentHome<V> = {
  readonly name: string;
  readonly codec: Codec<V>;
  readonly base: BaseStore;
  /** Entries that the next `takeChanges` encodes. */
  dirty: Entry<V>[];
  readonly cache: CacheCount;
};

/** Counts the entries that may leave; `makeRoom` lets some go when there are too many. */
export type CacheCount = { count: number; makeRoom(entries: number): void };

/**
 * The entries of one window, or of a whole key-value store (`start` −1): a Map over the base's rows that begin with the window's start.
 * While it is `complete`, memory holds every key that the base holds, and no read goes further.
 */
export class Segment<V> {
  readonly start: number;
  readonly entries = new Map<string, Entry<V>>();
  /** True once the window has expired. */
  dropped = false;
  /** True once that is committed: until then its entries are part of the last commit, and must not be lost by folding. */
  gone = false;
  private complete: boolean;
  readonly home: SegmentHome<V>;
  /** The entry that `get` came to last: a record mostly gets a key and puts it again. */
  private last: Entry<V> | undefined;
  /** All keys in memory, in order; made by the first range. */
  private sorted: SortedKeys | undefined;
  /** Rises when an entry leaves memory: from then on its row in the base counts, and pages read before are stale. */
  private removals = 0;

  constructor(home: SegmentHome<V>, start: number, complete: boolean) {
    this.home = home;
    this.start = start;
    this.complete = complete;
  }

  get(key: string): V | undefined {
    const entry = this.entries.get(key) ?? (this.complete ? undefined : this.load(key));
    if (entry === undefined) return undefined;
    entry.flags |= used;
    this.last = entry;
    return entry.stored === undefined ? entry.value : this.unpack(entry);
  }

  put(key: string, value: V): void {
    const { last } = this;
    const entry = last !== undefined && last.key === key ? last : (this.entries.get(key) ?? this.add(key, undefined));
    entry.value = value;
    if ((entry.flags & dirty) === 0) this.makeDirty(entry);
  }

  delete(key: string): void {
    let entry = this.entries.get(key);
    if (entry === undefined) {
      if (this.complete) return;
      entry = this.add(key, undefined);
    }
    entry.value = undefined;
    if ((entry.flags & dirty) === 0) this.makeDirty(entry);
  }

  /** Entries with `from` ≤ key < `to` in key order; memory goes before the base. */
  *range(from: string, to: string | undefined): IterableIterator<readonly [key: string, value: V]> {
    const memory = this.order().cursor(from);
    let rows = this.rows(from, to);
    let { removals } = this;
    while (!this.dropped) {
      let key = memory.peek();
      if (key !== undefined && to !== undefined && compareKeys(key, to) >= 0) key = undefined;
      const rowKey = rows?.peek();
      let value: V | undefined;
      if (key !== undefined && (rowKey === undefined || compareKeys(key, rowKey) <= 0)) {
        if (key === rowKey) rows!.pass();
        memory.pass(key);
        const entry = this.entries.get(key)!;
        value = entry.stored === undefined ? entry.value : this.unpack(entry);
      } else if (rowKey !== undefined) {
        key = rowKey;
        value = this.decode(rows!.value(), key);
        rows!.pass();
        memory.reach(key);
      } else return;
      if (value === undefined) continue;
      yield [key, value];
      if (removals !== this.removals) {
        removals = this.removals;
        rows = this.rows(key, to);
        if (rows?.peek() === key) rows.pass();
      }
    }
  }

  /** An entry read back from the tail; without a value, a tombstone. */
  restore(key: string, stored: StoredValue | undefined): Entry<V> {
    const entry = this.add(key, undefined);
    entry.stored = stored;
    return entry;
  }

  /** What the base shall have of the entry; undefined for a tombstone. */
  encoded({ stored, value }: Entry<V>): Uint8Array | undefined {
    if (stored !== undefined) return stored.delta.subarray(stored.from, stored.to);
    return value === undefined ? undefined : this.home.codec.encode(value);
  }

  /** The base has the entry's newest committed value now: it may leave, and a tombstone does. */
  folded(entry: Entry<V>): void {
    entry.generation = 0;
    if (entry.value === undefined && entry.stored === undefined) this.remove(entry);
    else {
      entry.flags |= cached;
      this.home.cache.count += 1;
    }
  }

  evict(entry: Entry<V>): void {
    this.home.cache.count -= 1;
    this.complete = false;
    this.remove(entry);
  }

  /** The window has expired; what the base has not may stay to be told. */
  drop(keepUnfolded: boolean): void {
    this.dropped = true;
    const kept: Entry<V>[] = [];
    for (const entry of this.entries.values()) {
      if ((entry.flags & cached) !== 0) this.home.cache.count -= 1;
      else if (keepUnfolded) kept.push(entry);
    }
    this.entries.clear();
    for (const entry of kept) this.entries.set(entry.key, entry);
    this.last = undefined;
  }

  rowKey(key: string): Buffer {
    if (this.start < 0) return Buffer.from(key);
    const length = Buffer.byteLength(key);
    const bytes = Buffer.allocUnsafe(startBytes + length);
    writeStart(bytes, 0, this.start);
    bytes.write(key, startBytes, length);
    return bytes;
  }

  private load(key: string): Entry<V> | undefined {
    const bytes = this.home.base.get(this.rowKey(key));
    if (bytes === undefined) return undefined;
    // Room is made first: afterwards this entry itself might leave, and a put would be made to what nobody finds.
    this.home.cache.makeRoom(1);
    const entry = this.add(key, this.decode(bytes, key));
    entry.flags = cached | used;
    this.home.cache.count += 1;
    return entry;
  }

  private add(key: string, value: V | undefined): Entry<V> {
    if (!key.isWellFormed())
      throw new StateError("STATE_BAD_KEY", `key ${JSON.stringify(key)} has an unpaired surrogate`, { at: this.home.name });
    const entry = new Entry<V>(this, key, value);
    this.entries.set(key, entry);
    this.sorted?.add(key);
    return entry;
  }

  private remove(entry: Entry<V>): void {
    this.entries.delete(entry.key);
    this.sorted?.delete(entry.key);
    this.removals += 1;
    if (this.last === entry) this.last = undefined;
  }

  private makeDirty(entry: Entry<V>): void {
    if ((entry.flags & cached) !== 0) this.home.cache.count -= 1;
    entry.flags = (entry.flags & ~cached) | dirty | used;
    entry.stored = undefined;
    this.home.dirty.push(entry);
  }

  private unpack(entry: Entry<V>): V {
    const { delta, from, to } = entry.stored!;
    const value = this.decode(delta.subarray(from, to), entry.key);
    entry.value = value;
    entry.stored = undefined;
    return value;
  }

  /** @throws {StateError} `STATE_CORRUPT` */
  private decode(bytes: Uint8Array, key: string): V {
    try {
      return this.home.codec.decode(bytes);
    } catch (cause) {
      throw new StateError("STATE_CORRUPT", "value cannot be decoded", { at: `${this.home.name} ${JSON.stringify(key)}`, cause });
    }
  }

  private rows(from: string, to: string | undefined): RowCursor | undefined {
    if (this.complete) return undefined;
    let end: Buffer | undefined;
    if (to !== undefined) end = this.rowKey(to);
    else if (this.start >= 0) writeStart((end = Buffer.allocUnsafe(startBytes)), 0, this.start + 1);
    return new RowCursor(this.home.base, { from: this.rowKey(from), to: end, lead: this.start < 0 ? 0 : startBytes });
  }

  private order(): SortedKeys {
    this.sorted ??= new SortedKeys(this.entries.keys());
    return this.sorted;
  }
}
