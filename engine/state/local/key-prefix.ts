import type { BatchIndex } from "#broker/record-batch.ts";

/** How the keys of a store's rows begin in a changelog; compared four bytes at a time, since every record that is restored is. */
export class KeyPrefix {
  readonly length: number;
  readonly #words: Int32Array;
  readonly #rest: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.length = bytes.length;
    this.#words = Int32Array.from({ length: bytes.length >> 2 }, (_, i) => wordAt(bytes, i * 4));
    this.#rest = Uint8Array.from(bytes.subarray(this.#words.length * 4));
  }

  /** Whether the key of a record begins so; nothing begins with a prefix of no bytes. */
  isOf(index: BatchIndex, record: number): boolean {
    const start = index.keyStarts[record]!;
    return this.length > 0 && index.keyLengths[record]! >= this.length && this.#isAt(index.bytes, start);
  }

  /** Behind the last of the records from `first` on that have a value and a key that begins so. */
  endOfRun(index: BatchIndex, first: number): number {
    const { count, keyStarts, keyLengths, valueLengths, bytes } = index;
    const { length } = this;
    let i = first;
    if (length === 0) return i;
    while (i < count && valueLengths[i]! >= 0 && keyLengths[i]! >= length && this.#isAt(bytes, keyStarts[i]!)) i += 1;
    return i;
  }

  #isAt(bytes: Uint8Array, start: number): boolean {
    const words = this.#words;
    const rest = this.#rest;
    let at = start;
    for (let i = 0; i < words.length; i++, at += 4) if (wordAt(bytes, at) !== words[i]) return false;
    for (let i = 0; i < rest.length; i++) if (bytes[at + i] !== rest[i]) return false;
    return true;
  }
}

const wordAt = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
