import type { BaseStore } from "./base.ts";
import { type DeltaReader, type DeltaWriter, readStart, startBytes, writeStart } from "#broker/store-delta.ts";
import { type Entry, entryFlags, Segment, type SegmentHome } from "./segment.ts";

/**
 * The rows of a window store's expired windows of which a log that knows no ranges may still have values: told as deletes, a few a commit, rows of the
 * base first, then what was never folded. Nothing is written down for it: a row stays in the base, and a generation in the tail, until its deletes are
 * durable, so that what a crash makes forgotten is told again, by whoever has the task then.
 */
export class ExpiredRows<V> {
  private readonly home: SegmentHome<V>;
  private readonly base: BaseStore;
  /** Windows whose expiry is committed, with entries that no fold has written. */
  private readonly segments = new Map<number, Segment<V>>();
  private queue: Iterator<Entry<V>, void> | undefined;
  private readonly taken = new Set<Entry<V>>();
  /** Rows below are told: in the changes taken, in the last commit, and gone from the base. */
  private rowsTaken: Uint8Array = new Uint8Array(0);
  private rowsTold = this.rowsTaken;
  private rowsTrimmed = this.rowsTaken;
  /** All rows of windows that start before it are taken. */
  private takenBefore = 0;
  private expired: number;

  constructor(home: SegmentHome<V>) {
    this.home = home;
    this.base = home.base;
    this.expired = this.base.expired;
  }

  /** True when `tell` may have something to say. */
  get untold(): boolean {
    return this.takenBefore < this.expired || this.segments.size > 0;
  }

  get untrimmed(): boolean {
    return this.rowsTrimmed !== this.rowsTold;
  }

  /** The expiry of all windows that start before it is committed, and `gone` are those that were in memory. */
  expire(before: number, gone: readonly Segment<V>[]): void {
    this.expired = before;
    for (const segment of gone) if (segment.entries.size > 0) this.segments.set(segment.start, segment);
  }

  /** Takes an entry of an expired window that the tail has; undefined when it was told or is known already. Newer deltas come first. */
  restore(reader: DeltaReader): Entry<V> | undefined {
    const { start } = reader;
    let segment = this.segments.get(start);
    if (segment === undefined) {
      segment = new Segment<V>(this.home, start, true);
      segment.dropped = segment.gone = true;
      this.segments.set(start, segment);
    }
    const key = reader.key();
    if (segment.entries.has(key)) return undefined;
    const stored = reader.stored();
    const entry = segment.restore(key, stored);
    return stored === undefined ? undefined : entry;
  }

  /** Writes at most `limit` deletes; answers how many. */
  tell(writer: DeltaWriter, limit: number): number {
    const rows = this.takenBefore < this.expired ? this.tellRows(writer, limit) : 0;
    return rows + this.tellEntries(writer, limit - rows);
  }

  /** What was told is durable. */
  committed(): void {
    this.rowsTold = this.rowsTaken;
    for (const entry of this.taken) entry.generation = 0;
    this.taken.clear();
  }

  trim(limit: number): number {
    const { rowsTold } = this;
    const count = this.base.deleteBefore(rowsTold, limit);
    if (count < limit) this.rowsTrimmed = rowsTold;
    return count;
  }

  private tellRows(writer: DeltaWriter, limit: number): number {
    const end = startKey(this.expired);
    const rows = this.base.keys(this.rowsTaken, end, limit);
    for (const row of rows) {
      writer.row(row, null);
      this.takeAlong(row);
    }
    if (rows.length < limit) {
      this.rowsTaken = end;
      this.takenBefore = this.expired;
    } else if (rows.length > 0) this.rowsTaken = Buffer.concat([rows.at(-1)!, zero]);
    return rows.length;
  }

  /** A row that was committed again after it was folded is told once. */
  private takeAlong(row: Uint8Array): void {
    if (this.segments.size === 0) return;
    const bytes = Buffer.from(row.buffer, row.byteOffset, row.byteLength);
    const segment = this.segments.get(readStart(bytes, 0));
    const entry = segment?.entries.get(bytes.toString("utf8", startBytes));
    if (entry !== undefined && entry.generation > 0) this.taken.add(entry);
  }

  private tellEntries(writer: DeltaWriter, limit: number): number {
    let count = 0;
    while (count < limit && this.segments.size > 0) {
      this.queue ??= this.inTurn();
      const step = this.queue.next();
      if (step.done === true) {
        this.queue = undefined;
        continue;
      }
      const entry = step.value;
      if (entry.generation === 0 || this.taken.has(entry)) continue;
      // The log has the delete already.
      if (isDeleted(entry)) entry.generation = 0;
      else {
        writer.delete(entry.segment.start, entry.key);
        this.taken.add(entry);
        count += 1;
      }
    }
    return count;
  }

  private *inTurn(): Generator<Entry<V>, void> {
    for (const segment of this.segments.values()) {
      yield* segment.entries.values();
      this.segments.delete(segment.start);
    }
  }
}

/** Its last commit was a delete. */
const isDeleted = ({ value, stored, flags }: Entry<unknown>): boolean =>
  value === undefined && stored === undefined && (flags & (entryFlags.dirty | entryFlags.taken)) === 0;

/** Below all rows of the window that starts there, above those of the ones before. */
export function startKey(start: number): Buffer {
  const key = Buffer.allocUnsafe(startBytes);
  writeStart(key, 0, start);
  return key;
}

const zero = Buffer.alloc(1);
