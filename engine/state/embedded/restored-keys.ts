import type { BatchIndex } from "#broker/record-batch.ts";

/** Shares of the table of slots that are taken before it grows: linear probing stays short. */
const fullest = 0.6;
const dead = -1;
/** Records whose slots are looked at ahead. */
const together = 128;

/** Records as a batch has them; keys begin with more than the row's own. */
export type KeyColumns = Pick<BatchIndex, "bytes" | "keyStarts" | "keyLengths" | "valueStarts" | "valueLengths">;
export type KeyRun = { readonly first: number; readonly end: number; readonly lead: number; readonly valueBase: number };

/**
 * The keys of restored rows, each once, with where its newest value lies: columns instead of objects, some 45 bytes and the key's own a row.
 * A row is named by its number, which rises in the order in which keys came first.
 */
export class RestoredKeys {
  /** Rows, dead ones included. */
  count = 0;
  live = 0;
  /** Rows below are in a file, but for `changed` ones. */
  kept = 0;
  readonly changed = new Set<number>();
  /** Ids of stores. */
  stores = new Int32Array(0);
  keyLengths = new Int32Array(0);
  /** −1: dead. */
  valueLengths = new Int32Array(0);
  valueStarts = new Float64Array(0);
  keyStarts = new Float64Array(0);
  /** All keys one behind the other. */
  keys = Buffer.alloc(0);
  keyBytes = 0;
  private readonly liveStores = new Set<number>();
  /** Hash, then row + 1, by hash: what probing passes over costs no look elsewhere. */
  private slots = new Int32Array(0);
  private hashes = new Int32Array(0);
  /** Keeps what is only looked at from being left out. */
  protected touched = 0;

  /** Room for so many rows at once; it grows by itself, too. */
  constructor(rows = 1024) {
    this.reserve(rows, rows * 8);
    this.slots = new Int32Array(slotsFor(rows) * 2);
  }

  /**
   * Puts the records of one store from number `first` up to `end`, none of which is a delete: their keys begin `lead` bytes behind those of the
   * records, their values lie behind `valueBase` in the file.
   */
  putRun(store: number, records: KeyColumns, { first, end, lead, valueBase }: KeyRun): void {
    const { bytes, keyStarts, keyLengths, valueStarts, valueLengths } = records;
    const count = end - first;
    if (count > this.hashes.length) this.hashes = new Int32Array(count);
    const { hashes } = this;
    let keyBytes = 0;
    for (let i = first; i < end; i++) {
      const length = keyLengths[i]! - lead;
      keyBytes += length;
      hashes[i - first] = hashOf(store, bytes, keyStarts[i]! + lead, length);
    }
    this.reserve(this.count + count, this.keyBytes + keyBytes);
    if (this.count + count > (this.slots.length / 2) * fullest) this.rehash(slotsFor(this.count + count));
    this.liveStores.add(store);
    const { slots, keys } = this;
    const mask = slots.length / 2 - 1;
    for (let i = first; i < end; i++) {
      if ((i - first) % together === 0) {
        // Loads that do not wait for one another: without it, each record waits for its slot to come from far memory.
        let sum = 0;
        for (let ahead = i - first; ahead < Math.min(i - first + together, count); ahead++) sum ^= slots[(hashes[ahead]! & mask) * 2]!;
        this.touched = sum;
      }
      const hash = hashes[i - first]!;
      const start = keyStarts[i]! + lead;
      const length = keyLengths[i]! - lead;
      let slot = hash & mask;
      let row = -1;
      for (let taken = slots[slot * 2 + 1]!; taken !== 0; taken = slots[slot * 2 + 1]!) {
        if (slots[slot * 2] === hash && this.stores[taken - 1] === store && this.isKey(taken - 1, bytes, start, length)) {
          row = taken - 1;
          break;
        }
        slot = (slot + 1) & mask;
      }
      if (row < 0) {
        row = this.count++;
        slots[slot * 2] = hash;
        slots[slot * 2 + 1] = row + 1;
        this.stores[row] = store;
        this.keyLengths[row] = length;
        let at = this.keyBytes;
        this.keyStarts[row] = at;
        for (let from = start; from < start + length; from++) keys[at++] = bytes[from]!;
        this.keyBytes = at;
        this.live += 1;
      } else {
        if (row < this.kept) this.changed.add(row);
        if (this.valueLengths[row] === dead) this.live += 1;
      }
      this.valueStarts[row] = valueBase + valueStarts[i]!;
      this.valueLengths[row] = valueLengths[i]!;
    }
  }

  /** The row of a key, dead or not; −1 when there is none. */
  find(store: number, bytes: Uint8Array, start = 0, length = bytes.length): number {
    const hash = hashOf(store, bytes, start, length);
    const { slots } = this;
    const mask = slots.length / 2 - 1;
    for (let slot = hash & mask; slots[slot * 2 + 1] !== 0; slot = (slot + 1) & mask) {
      const row = slots[slot * 2 + 1]! - 1;
      if (slots[slot * 2] === hash && this.stores[row] === store && this.isKey(row, bytes, start, length)) return row;
    }
    return -1;
  }

  isLive(row: number): boolean {
    return this.valueLengths[row] !== dead;
  }

  kill(row: number): void {
    if (this.valueLengths[row] === dead) return;
    this.valueLengths[row] = dead;
    this.live -= 1;
  }

  /** As `kill`, for a delete that the file shall have, too. */
  remove(row: number): void {
    this.kill(row);
    if (row < this.kept) this.changed.add(row);
  }

  killStore(store: number): void {
    for (let row = 0; row < this.count; row++) if (this.stores[row] === store) this.kill(row);
    this.liveStores.delete(store);
  }

  /** Stores of which there is a row, or was. */
  storesOfLive(): readonly number[] {
    return [...this.liveStores];
  }

  /** A view. */
  keyOf(row: number): Buffer {
    const start = this.keyStarts[row]!;
    return this.keys.subarray(start, start + this.keyLengths[row]!);
  }

  /** Order by store, then key bytes. */
  compare(a: number, b: number): number {
    const stores = this.stores[a]! - this.stores[b]!;
    if (stores !== 0) return stores;
    return this.compareKey(a, this.keys, this.keyStarts[b]!, this.keyLengths[b]!);
  }

  /** Order of the row's place and one that is given. */
  compareTo(row: number, store: number, key: Uint8Array): number {
    const stores = this.stores[row]! - store;
    return stores !== 0 ? stores : this.compareKey(row, key, 0, key.length);
  }

  /** Adds rows that lay in a file, of which none is here yet: all columns of theirs, and their keys one behind the other. */
  load(columns: RowColumns, keys: Uint8Array): void {
    const first = this.count;
    const count = columns.stores.length;
    this.reserve(first + count, this.keyBytes + keys.length);
    this.stores.set(columns.stores, first);
    this.keyLengths.set(columns.keyLengths, first);
    this.valueLengths.set(columns.valueLengths, first);
    this.valueStarts.set(columns.valueStarts, first);
    this.keys.set(keys, this.keyBytes);
    let at = this.keyBytes;
    for (let row = first; row < first + count; row++) {
      this.keyStarts[row] = at;
      at += this.keyLengths[row]!;
      if (this.valueLengths[row] !== dead) this.live += 1;
      if (row === first || this.stores[row] !== this.stores[row - 1]) this.liveStores.add(this.stores[row]!);
    }
    this.keyBytes = at;
    this.count = this.kept = first + count;
    if (this.count > (this.slots.length / 2) * fullest) this.rehash(slotsFor(this.count));
    else for (let row = first; row < this.count; row++) this.place(row, this.hashOf(row));
  }

  /** Another value of a row that lay in a file. */
  reload(row: number, start: number, length: number): void {
    this.live += (length === dead ? 0 : 1) - (this.isLive(row) ? 1 : 0);
    this.valueStarts[row] = start;
    this.valueLengths[row] = length;
  }

  private reserve(rows: number, keyBytes: number): void {
    if (rows > this.stores.length) {
      const size = Math.max(rows, this.stores.length * 2);
      this.stores = grown(this.stores, new Int32Array(size));
      this.keyLengths = grown(this.keyLengths, new Int32Array(size));
      this.valueLengths = grown(this.valueLengths, new Int32Array(size));
      this.valueStarts = grown(this.valueStarts, new Float64Array(size));
      this.keyStarts = grown(this.keyStarts, new Float64Array(size));
    }
    if (keyBytes > this.keys.length) this.keys = grown(this.keys, Buffer.allocUnsafeSlow(Math.max(keyBytes, this.keys.length * 2)));
  }

  private rehash(size: number): void {
    const before = this.slots;
    this.slots = new Int32Array(size * 2);
    let placed = 0;
    for (let i = 0; i < before.length; i += 2) {
      if (before[i + 1] === 0) continue;
      this.place(before[i + 1]! - 1, before[i]!);
      placed += 1;
    }
    // Those that were loaded just now.
    for (let row = placed; row < this.count; row++) this.place(row, this.hashOf(row));
  }

  private place(row: number, hash: number): void {
    const { slots } = this;
    const mask = slots.length / 2 - 1;
    let slot = hash & mask;
    while (slots[slot * 2 + 1] !== 0) slot = (slot + 1) & mask;
    slots[slot * 2] = hash;
    slots[slot * 2 + 1] = row + 1;
  }

  private hashOf(row: number): number {
    return hashOf(this.stores[row]!, this.keys, this.keyStarts[row]!, this.keyLengths[row]!);
  }

  private isKey(row: number, bytes: Uint8Array, start: number, length: number): boolean {
    if (this.keyLengths[row] !== length) return false;
    const { keys } = this;
    const own = this.keyStarts[row]!;
    for (let i = 0; i < length; i++) if (keys[own + i] !== bytes[start + i]) return false;
    return true;
  }

  private compareKey(row: number, bytes: Uint8Array, start: number, length: number): number {
    const { keys } = this;
    const own = this.keyStarts[row]!;
    const ownLength = this.keyLengths[row]!;
    const common = Math.min(ownLength, length);
    for (let i = 0; i < common; i++) {
      const difference = keys[own + i]! - bytes[start + i]!;
      if (difference !== 0) return difference;
    }
    return ownLength - length;
  }
}

/** What is known of rows that lie one behind the other, but for where their keys begin. */
export type RowColumns = {
  readonly stores: Int32Array;
  readonly keyLengths: Int32Array;
  readonly valueLengths: Int32Array;
  readonly valueStarts: Float64Array;
};

function grown<T extends { set(from: T): void }>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** A power of two. */
const slotsFor = (rows: number): number => 2 ** Math.ceil(Math.log2(Math.max(rows, 1024) / fullest));

/** Murmur3's mixing, four bytes at a time. */
function hashOf(store: number, bytes: Uint8Array, start: number, length: number): number {
  let hash = store;
  let i = start;
  const end = start + length;
  for (; i + 4 <= end; i += 4) {
    let part = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    part = Math.imul(part, 0xcc9e2d51);
    part = Math.imul((part << 15) | (part >>> 17), 0x1b873593);
    hash ^= part;
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  let rest = 0;
  for (let shift = 0; i < end; i++, shift += 8) rest |= bytes[i]! << shift;
  rest = Math.imul(rest, 0xcc9e2d51);
  hash ^= Math.imul((rest << 15) | (rest >>> 17), 0x1b873593) ^ length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
