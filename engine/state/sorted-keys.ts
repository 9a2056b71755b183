import { compareKeys, hasHighUnit } from "./key-order.ts";

const chunkSize = 512;

/** A set of keys in code point order: chunks of at most 512, so that a change moves no more than that. */
export class SortedKeys {
  /** Rises with every change, so that a cursor knows when to seek again. */
  version = 0;
  private chunks: string[][] = [];
  /** False while UTF-16 order is right, because no key has a high unit. */
  private careful = false;

  constructor(keys: Iterable<string> = []) {
    const all = [...keys];
    this.careful = all.some(hasHighUnit);
    if (this.careful) all.sort(compareKeys);
    else all.sort();
    // Half full, so that the first inserts do not split every chunk.
    for (let i = 0; i < all.length; i += chunkSize / 2) this.chunks.push(all.slice(i, i + chunkSize / 2));
  }

  add(key: string): void {
    if (!this.careful && hasHighUnit(key)) this.careful = true;
    this.version += 1;
    const at = Math.min(this.chunkOf(key), this.chunks.length - 1);
    const chunk = this.chunks[at];
    if (chunk === undefined) {
      this.chunks.push([key]);
      return;
    }
    const slot = this.slotOf(chunk, key);
    if (chunk[slot] === key) return;
    chunk.splice(slot, 0, key);
    if (chunk.length > chunkSize) this.chunks.splice(at + 1, 0, chunk.splice(chunkSize / 2));
  }

  delete(key: string): void {
    const at = this.chunkOf(key);
    const chunk = this.chunks[at];
    if (chunk === undefined) return;
    const slot = this.slotOf(chunk, key);
    if (chunk[slot] !== key) return;
    this.version += 1;
    if (chunk.length === 1) this.chunks.splice(at, 1);
    else chunk.splice(slot, 1);
  }

  /** Keys from `from` on, or behind it; survives changes between two steps. */
  cursor(from: string, behind = false): KeyCursor {
    return new KeyCursor(this, from, behind);
  }

  /** Chunk and slot of the first key ≥ `key` (or > `key`). */
  seek(key: string, behind: boolean): { chunk: number; slot: number } {
    const chunk = this.chunkOf(key);
    const keys = this.chunks[chunk];
    if (keys === undefined) return { chunk, slot: 0 };
    const slot = this.slotOf(keys, key);
    return behind && keys[slot] === key ? { chunk, slot: slot + 1 } : { chunk, slot };
  }

  at(chunk: number, slot: number): string | undefined {
    return this.chunks[chunk]?.[slot];
  }

  private before(a: string, b: string): boolean {
    return this.careful ? compareKeys(a, b) < 0 : a < b;
  }

  /** The first chunk whose last key is not before `key`. */
  private chunkOf(key: string): number {
    let low = 0;
    let high = this.chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const chunk = this.chunks[middle]!;
      if (this.before(chunk[chunk.length - 1]!, key)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private slotOf(chunk: string[], key: string): number {
    let low = 0;
    let high = chunk.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.before(chunk[middle]!, key)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Stands before one key; `next` gives it and moves on. */
export class KeyCursor {
  private readonly keys: SortedKeys;
  private last: string;
  private behind: boolean;
  private version: number;
  private chunk: number;
  private slot: number;

  constructor(keys: SortedKeys, from: string, behind: boolean) {
    this.keys = keys;
    this.last = from;
    this.behind = behind;
    this.version = keys.version;
    ({ chunk: this.chunk, slot: this.slot } = keys.seek(from, behind));
  }

  peek(): string | undefined {
    if (this.version !== this.keys.version) {
      ({ chunk: this.chunk, slot: this.slot } = this.keys.seek(this.last, this.behind));
      this.version = this.keys.version;
    }
    const key = this.keys.at(this.chunk, this.slot);
    if (key !== undefined) return key;
    this.chunk += 1;
    this.slot = 0;
    return this.keys.at(this.chunk, this.slot);
  }

  /** Moves behind the key that `peek` gave. */
  pass(key: string): void {
    this.reach(key);
    this.slot += 1;
  }

  /** The reader is behind `key`, though it found it elsewhere: keys added up to there are passed over. */
  reach(key: string): void {
    this.last = key;
    this.behind = true;
  }
}
