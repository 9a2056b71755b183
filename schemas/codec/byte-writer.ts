import { Buffer } from "node:buffer";
import { SchemaError } from "../schema-error.ts";
import { type Money, moneyLimit } from "../money.ts";

const chunkBytes = 16 * 1024;

/**
 * Avro's binary encoding, written into chunks that are never written twice: `finish` answers a view, valid for ever, that shares its chunk
 * with its neighbours (copy what is kept for long). One value at a time; nothing here is re-entrant.
 */
export class ByteWriter {
  #start = 0;
  #at = 0;
  #chunk: Buffer = Buffer.allocUnsafeSlow(chunkBytes);

  /** Begins a value; what an abandoned one wrote is overwritten. */
  begin(): void {
    this.#at = this.#start;
  }

  finish(): Buffer {
    const bytes = this.#chunk.subarray(this.#start, this.#at);
    this.#start = this.#at;
    return bytes;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes > this.#chunk.length) this.#grow(bytes);
  }

  #grow(bytes: number): void {
    const written = this.#at - this.#start;
    const larger = Buffer.allocUnsafeSlow(Math.max(chunkBytes, 2 * (written + bytes)));
    this.#chunk.copy(larger, 0, this.#start, this.#at);
    this.#chunk = larger;
    this.#start = 0;
    this.#at = written;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#chunk[this.#at++] = value;
  }

  /** Four bytes, the highest first. */
  uint32(value: number): void {
    this.#reserve(4);
    this.#at = this.#chunk.writeUInt32BE(value, this.#at);
  }

  int(value: unknown, path: string): void {
    if (typeof value !== "number" || (value | 0) !== value) return refuse(value, "an int", path);
    this.#reserve(5);
    let rest = ((value << 1) ^ (value >> 31)) >>> 0;
    while (rest > 127) {
      this.#chunk[this.#at++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.#chunk[this.#at++] = rest;
  }

  /** A safe integer. */
  long(value: unknown, path: string): void {
    if (typeof value !== "number" || !Number.isSafeInteger(value)) return refuse(value, "a safe integer", path);
    this.#reserve(10);
    if (value >= -1_073_741_824 && value < 1_073_741_824) {
      let rest = ((value << 1) ^ (value >> 31)) >>> 0;
      while (rest > 127) {
        this.#chunk[this.#at++] = (rest & 127) | 128;
        rest >>>= 7;
      }
      this.#chunk[this.#at++] = rest;
      return;
    }
    // Doubled, a safe integer can need 54 bits: the lowest seven are taken first, the rest fits a double again.
    const magnitude = value < 0 ? -value - 1 : value;
    const chunk = this.#chunk;
    let at = this.#at;
    // 27 bits of it are the first four bytes (with the sign), the 26 above them fit an integer again.
    const low = magnitude % 0x8000000;
    chunk[at++] = ((low & 63) << 1) | (value < 0 ? 1 : 0) | 128;
    chunk[at++] = ((low >>> 6) & 127) | 128;
    chunk[at++] = ((low >>> 13) & 127) | 128;
    let rest = (magnitude - low) / 0x8000000;
    chunk[at++] = (low >>> 20) | (rest > 0 ? 128 : 0);
    if (rest > 0) {
      while (rest > 127) {
        chunk[at++] = (rest & 127) | 128;
        rest >>>= 7;
      }
      chunk[at++] = rest;
    }
    this.#at = at;
  }

  double(value: unknown, path: string): void {
    if (typeof value !== "number") return refuse(value, "a number", path);
    this.#reserve(8);
    this.#at = this.#chunk.writeDoubleLE(value, this.#at);
  }

  boolean(value: unknown, path: string): void {
    if (typeof value !== "boolean") return refuse(value, "a boolean", path);
    this.byte(value ? 1 : 0);
  }

  string(value: unknown, path: string): void {
    if (typeof value !== "string") return refuse(value, "a string", path);
    const length = value.length;
    if (length <= 48) {
      this.#reserve(length + 2);
      const chunk = this.#chunk;
      const from = this.#at;
      let at = from + 1;
      for (let i = 0; i < length; i++) {
        const code = value.charCodeAt(i);
        if (code > 127) return this.#longString(value, path);
        chunk[at++] = code;
      }
      chunk[from] = length << 1;
      this.#at = at;
      return;
    }
    this.#longString(value, path);
  }

  #longString(value: string, path: string): void {
    if (!value.isWellFormed()) return refuse(value, "well-formed text", path);
    const bytes = Buffer.byteLength(value);
    this.long(bytes, path);
    this.#reserve(bytes);
    this.#at += this.#chunk.write(value, this.#at, bytes, "utf8");
  }

  bytes(value: unknown, path: string): void {
    if (!(value instanceof Uint8Array)) return refuse(value, "bytes", path);
    this.long(value.length, path);
    this.#reserve(value.length);
    this.#chunk.set(value, this.#at);
    this.#at += value.length;
  }

  /** A bigint strictly between `-limit` and `limit`, as the shortest two's complement, the highest byte first. */
  decimal(value: unknown, limit: bigint, path: string): void {
    if (typeof value !== "bigint" || value >= limit || value <= -limit) return refuse(value, "a decimal within its digits", path);
    this.#reserve(10);
    const narrow = Number(value);
    if (narrow >= -140_737_488_355_328 && narrow < 140_737_488_355_328) return this.#narrowDecimal(narrow);
    this.#wideDecimal(value, path);
  }

  /** Up to six bytes, where doubles are exact. */
  #narrowDecimal(value: number): void {
    let size = 1;
    for (let bound = 128; value >= bound || value < -bound; bound *= 256) size++;
    const chunk = this.#chunk;
    chunk[this.#at] = size << 1;
    let rest = value;
    for (let at = this.#at + size; at > this.#at; at--) {
      chunk[at] = rest & 255;
      rest = Math.floor(rest / 256);
    }
    this.#at += size + 1;
  }

  #wideDecimal(value: bigint, path: string): void {
    const bits = (value < 0n ? -value - 1n : value).toString(2).length + 1;
    const size = (bits + 7) >> 3;
    this.long(size, path);
    this.#reserve(size);
    let rest = value;
    for (let at = this.#at + size - 1; at >= this.#at; at--) {
      this.#chunk[at] = Number(rest & 255n);
      rest >>= 8n;
    }
    this.#at += size;
  }

  money(value: unknown, path: string, amountPath: string): void {
    if (typeof value !== "object" || value === null) return refuse(value, "money", path);
    const money = value as Money;
    this.decimal(money.amount, moneyLimit, amountPath);
    this.string(money.currency, path);
  }
}

/** @throws {SchemaError} `SCHEMA_NOT_ENCODABLE`, always */
export function refuse(value: unknown, expected: string, path: string): never {
  const given = value === null ? "null" : Array.isArray(value) ? "an array" : typeof value;
  throw new SchemaError("SCHEMA_NOT_ENCODABLE", `expected ${expected}, not ${given}`, { at: path });
}
