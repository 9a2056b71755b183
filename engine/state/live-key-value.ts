import type { DeltaReader, DeltaWriter } from "#broker/store-delta.ts";
import { endOfPrefix } from "./key-order.ts";
import type { LiveStore, LiveStoreParts } from "./live-store.ts";
import { type Entry, Segment, type SegmentHome } from "./segment.ts";
import type { KeyValueStore } from "./store.ts";
import { commitTaken, takeDirty } from "./taken.ts";

/** A key-value store in memory, over its base. */
export class LiveKeyValue<V> implements KeyValueStore<V>, LiveStore<V>, SegmentHome<V> {
  readonly kind = "key-value";
  readonly name;
  readonly codec;
  readonly base;
  readonly cache;
  readonly untrimmed = false;
  readonly untold = false;
  dirty: Entry<V>[] = [];
  private taken: Entry<V>[] = [];
  private readonly all: Segment<V>;

  constructor({ name, codec, base, cache }: LiveStoreParts<V>) {
    this.name = name;
    this.codec = codec;
    this.base = base;
    this.cache = cache;
    this.all = new Segment<V>(this, -1, base.empty);
  }

  get dirtyCount(): number {
    return this.dirty.length;
  }

  get(key: string): V | undefined {
    return this.all.get(key);
  }

  put(key: string, value: V): void {
    this.all.put(key, value);
  }

  delete(key: string): void {
    this.all.delete(key);
  }

  range(from = "", to?: string): IterableIterator<readonly [key: string, value: V]> {
    return this.all.range(from, to);
  }

  prefix(prefix: string): IterableIterator<readonly [key: string, value: V]> {
    return this.all.range(prefix, endOfPrefix(prefix));
  }

  segments(): Iterable<Segment<V>> {
    return [this.all];
  }

  take(writer: DeltaWriter): void {
    this.taken = this.dirty;
    this.dirty = [];
    takeDirty(this.taken, this.codec, writer);
  }

  tell(): number {
    return 0;
  }

  committed(each: (entry: Entry<V>) => void): void {
    commitTaken(this.taken, each);
    this.taken = [];
  }

  restore(reader: DeltaReader): Entry<V> | undefined {
    const key = reader.key();
    if (this.all.entries.has(key)) return undefined;
    return this.all.restore(key, reader.stored());
  }

  trim(): number {
    return 0;
  }

  markExpired(): void {}
}
