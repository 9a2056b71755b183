import type { DeltaReader, DeltaWriter } from "#broker/store-delta.ts";
import { deltaOps, readStart, startBytes } from "#broker/store-delta.ts";
import { ExpiredRows, startKey } from "./expired-rows.ts";
import type { LiveStore, LiveStoreParts } from "./live-store.ts";
import { type Entry, Segment, type SegmentHome } from "./segment.ts";
import { StateError } from "./state-error.ts";
import type { WindowStore } from "./store.ts";
import { commitTaken, takeDirty } from "./taken.ts";

/** A window store in memory, over its base: a segment for each window that is in either. */
export class LiveWindow<V> implements WindowStore<V>, LiveStore<V>, SegmentHome<V> {
  readonly kind = "window";
  readonly name;
  readonly codec;
  readonly base;
  readonly cache;
  dirty: Entry<V>[] = [];
  private taken: Entry<V>[] = [];
  private readonly byStart = new Map<number, Segment<V>>();
  /** Starts of all windows, ascending; undefined until the first use asks the base. */
  private starts: number[] | undefined;
  private last: Segment<V> | undefined;
  /** Windows that start before it are gone: now, in the changes taken, in the last commit, from the base's rows. */
  private expired: number;
  private expiredTaken: number;
  private expiredCommitted: number;
  private trimmed = 0;
  /** Windows whose expiry is not committed yet. */
  private dropped: Segment<V>[] = [];
  /** Where expired rows are told. */
  private readonly telling: ExpiredRows<V> | undefined;

  constructor({ name, codec, base, cache, tellsExpired }: LiveStoreParts<V>) {
    this.name = name;
    this.codec = codec;
    this.base = base;
    this.cache = cache;
    this.expired = this.expiredTaken = this.expiredCommitted = base.expired;
    this.telling = tellsExpired ? new ExpiredRows<V>(this) : undefined;
  }

  get dirtyCount(): number {
    return this.dirty.length + (this.expired > this.expiredTaken ? 1 : 0);
  }

  get untrimmed(): boolean {
    return this.telling?.untrimmed ?? this.trimmed < this.expiredCommitted;
  }

  get untold(): boolean {
    return this.telling?.untold ?? false;
  }

  get(key: string, start: number): V | undefined {
    return this.segment(start)?.get(key);
  }

  put(key: string, start: number, value: V): void {
    (this.segment(start) ?? this.open(start))?.put(key, value);
  }

  delete(key: string, start: number): void {
    this.segment(start)?.delete(key);
  }

  *range(from: number, to: number, fromKey = ""): IterableIterator<readonly [start: number, key: string, value: V]> {
    for (const start of this.startsBetween(from, to)) {
      const segment = this.segment(start);
      if (segment === undefined) continue;
      for (const [key, value] of segment.range(start === from ? fromKey : "", undefined)) yield [start, key, value];
    }
  }

  *windowsOf(key: string, from: number, to: number): IterableIterator<readonly [start: number, value: V]> {
    for (const start of this.startsBetween(from, to)) {
      const value = this.segment(start)?.get(key);
      if (value !== undefined) yield [start, value];
    }
  }

  expire(before: number): void {
    if (!(before > this.expired)) return;
    // A start is a whole number, and the mark must fit into a delta.
    this.expired = Math.min(Math.ceil(before), Number.MAX_SAFE_INTEGER);
    this.forgetExpired();
  }

  segments(): Iterable<Segment<V>> {
    return this.byStart.values();
  }

  take(writer: DeltaWriter): void {
    if (this.expired > this.expiredTaken) writer.expire((this.expiredTaken = this.expired));
    this.taken = this.dirty;
    this.dirty = [];
    takeDirty(this.taken, this.codec, writer);
  }

  tell(writer: DeltaWriter, limit: number): number {
    return this.telling?.tell(writer, limit) ?? 0;
  }

  committed(each: (entry: Entry<V>) => void): void {
    this.telling?.committed();
    this.commitExpiry();
    commitTaken(this.taken, each);
    this.taken = [];
  }

  restore(reader: DeltaReader): Entry<V> | undefined {
    const { start } = reader;
    if (reader.op === deltaOps.expire) {
      this.expire(start);
      this.expiredTaken = this.expired;
      this.commitExpiry();
      return undefined;
    }
    if (start < this.expired) return this.telling?.restore(reader);
    const segment = this.segment(start) ?? this.open(start);
    const key = reader.key();
    if (segment === undefined || segment.entries.has(key)) return undefined;
    return segment.restore(key, reader.stored());
  }

  trim(limit: number): number {
    if (this.telling !== undefined) return this.telling.trim(limit);
    const to = startKey(this.expiredCommitted);
    const { expiredCommitted } = this;
    const count = this.base.deleteBefore(to, limit);
    if (count < limit) this.trimmed = expiredCommitted;
    return count;
  }

  markExpired(): void {
    this.base.markExpired(this.expiredCommitted);
  }

  private commitExpiry(): void {
    if (this.expiredCommitted === this.expiredTaken) return;
    this.expiredCommitted = this.expiredTaken;
    const gone: Segment<V>[] = [];
    this.dropped = this.dropped.filter((segment) => {
      segment.gone = segment.start < this.expiredCommitted;
      if (segment.gone) gone.push(segment);
      return !segment.gone;
    });
    this.telling?.expire(this.expiredCommitted, gone);
  }

  private segment(start: number): Segment<V> | undefined {
    const { last } = this;
    if (last !== undefined && last.start === start) return last;
    if (this.starts === undefined) this.readStarts();
    const found = this.byStart.get(start);
    if (found !== undefined) this.last = found;
    return found;
  }

  /** A new window, of which the base can have nothing; undefined when it has expired. */
  private open(start: number): Segment<V> | undefined {
    if (!Number.isSafeInteger(start) || start < 0 || start === Number.MAX_SAFE_INTEGER) {
      throw new StateError("STATE_BAD_KEY", `a window cannot start at ${start}`, { at: this.name });
    }
    if (start < this.expired) return undefined;
    const segment = this.addSegment(start, true);
    const starts = this.starts!;
    if (starts.length === 0 || start > starts.at(-1)!) starts.push(start);
    else starts.splice(this.indexOf(start), 0, start);
    return segment;
  }

  private addSegment(start: number, complete: boolean): Segment<V> {
    const segment = new Segment<V>(this, start, complete);
    this.byStart.set(start, segment);
    return segment;
  }

  /** Finds each window in the base by one seek. */
  private readStarts(): void {
    const starts: number[] = [];
    this.starts = starts;
    for (let from = this.expired; ; from = starts.at(-1)! + 1) {
      const row = this.base.page(startKey(from), undefined, 1)[0];
      if (row === undefined) break;
      const start = readStart(Buffer.from(row.key.buffer, row.key.byteOffset, startBytes), 0);
      starts.push(start);
      this.addSegment(start, false);
    }
  }

  private startsBetween(from: number, to: number): readonly number[] {
    if (this.starts === undefined) this.readStarts();
    return this.starts!.slice(this.indexOf(from), this.indexOf(to));
  }

  /** Index of the first start that is not below. */
  private indexOf(start: number): number {
    const starts = this.starts!;
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (starts[middle]! < start) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private forgetExpired(): void {
    if (this.starts === undefined) return;
    for (const start of this.starts.splice(0, this.indexOf(this.expired))) {
      const segment = this.byStart.get(start)!;
      segment.drop(this.telling !== undefined);
      this.dropped.push(segment);
      this.byStart.delete(start);
    }
    this.dirty = this.dirty.filter((entry) => !entry.segment.dropped);
    this.last = undefined;
  }
}
