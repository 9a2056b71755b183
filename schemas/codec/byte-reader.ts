import { Buffer, isUtf8 } from "node:buffer";
import { maxTimestamp, minTimestamp } from "../timestamp.ts";
import { type Money, moneyLimit } from "../money.ts";
import { type SchemaErrorCode, SchemaError } from "../schema-error.ts";

/** Node's own slices, which `toString` ends in: undocumented, and the shortest way from bytes to text. */
type TextBuffer = Buffer & Record<"latin1Slice" | "utf8Slice" | "hexSlice", (from: number, end: number) => string>;

/** From this length on, V8 makes a substring that keeps the whole text alive; a shorter one is a copy. */
const copiedLength = 13;
const windowBytes = 512;

/** Reads Avro's binary encoding between two bounds; whatever the bytes, each call ends soon, within the bounds, or throws a SchemaError. */
export class ByteReader {
  #bytes: TextBuffer = Buffer.alloc(0) as TextBuffer;
  #start = 0;
  #at = 0;
  #end = 0;
  #window = "";
  #windowStart = 0;
  #windowEnd = 0;

  /** Errors name places by their distance from `from`. */
  open(bytes: Uint8Array, from = 0, end = bytes.length): void {
    this.#bytes = (Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)) as TextBuffer;
    this.#start = from;
    this.#at = from;
    this.#end = end;
    this.#windowEnd = 0;
  }

  /** @throws {SchemaError} `SCHEMA_TRAILING_BYTES` */
  close(): void {
    if (this.#at !== this.#end) this.fail("SCHEMA_TRAILING_BYTES", `${this.#end - this.#at} bytes behind the value`);
  }

  fail(code: SchemaErrorCode, message: string): never {
    throw new SchemaError(code, message, { at: `byte ${this.#at - this.#start}` });
  }

  byte(): number {
    if (this.#at >= this.#end) this.fail("SCHEMA_TRUNCATED", "the bytes end within a value");
    return this.#bytes[this.#at++]!;
  }

  boolean(): boolean {
    const byte = this.byte();
    if (byte > 1) this.fail("SCHEMA_CORRUPT", `${byte} is no boolean`);
    return byte === 1;
  }

  /** Whether a `["null", type]` union has its value. */
  present(): boolean {
    const byte = this.byte();
    if (byte !== 0 && byte !== 2) this.fail("SCHEMA_CORRUPT", "no branch of the union");
    return byte === 2;
  }

  int(): number {
    const value = this.long();
    if ((value | 0) !== value) this.fail("SCHEMA_CORRUPT", `${value} is no int`);
    return value;
  }

  long(): number {
    let byte = this.byte();
    if (byte < 128) return (byte >>> 1) ^ -(byte & 1);
    const negative = (byte & 1) === 1;
    let magnitude = (byte & 127) >>> 1;
    let factor = 64;
    for (let i = 1; byte > 127; i++) {
      if (i > 9) this.fail("SCHEMA_CORRUPT", "an integer of more than ten bytes");
      byte = this.byte();
      magnitude += (byte & 127) * factor;
      factor *= 128;
    }
    const value = negative ? -magnitude - 1 : magnitude;
    if (!Number.isSafeInteger(value)) this.fail("SCHEMA_UNSAFE_INTEGER", "an integer beyond ±(2^53 − 1)");
    return value;
  }

  timestamp(): number {
    const value = this.long();
    if (value < minTimestamp || value > maxTimestamp) this.fail("SCHEMA_CORRUPT", `${value} ms is no time`);
    return value;
  }

  double(): number {
    const from = this.#take(8);
    return this.#bytes.readDoubleLE(from);
  }

  /** The length of what follows, within what is left. */
  #length(): number {
    const length = this.long();
    if (length < 0) this.fail("SCHEMA_CORRUPT", "a negative length");
    return length;
  }

  /** Steps over `length` bytes and answers where they began. */
  #take(length: number): number {
    const from = this.#at;
    if (length > this.#end - from) this.fail("SCHEMA_TRUNCATED", "the bytes end within a value");
    this.#at = from + length;
    return from;
  }

  string(): string {
    const length = this.#length();
    const from = this.#take(length);
    const bytes = this.#bytes;
    const end = from + length;
    for (let i = from; i < end; i++) if (bytes[i]! > 127) return this.#unicode(from, end);
    return length < copiedLength ? this.#shortText(from, end) : bytes.latin1Slice(from, end);
  }

  /** Short texts are cut out of one slice for many: a call into Node costs more than the text. */
  #shortText(from: number, end: number): string {
    if (end > this.#windowEnd) {
      this.#windowEnd = Math.min(from + windowBytes, this.#end);
      this.#windowStart = from;
      this.#window = this.#bytes.latin1Slice(from, this.#windowEnd);
    }
    return this.#window.substring(from - this.#windowStart, end - this.#windowStart);
  }

  /** A text that must be this one, in ASCII and shorter than 64. */
  constant(text: string): string {
    const length = text.length;
    if (this.byte() !== length << 1) this.fail("SCHEMA_CORRUPT", `a text that is not ${JSON.stringify(text)}`);
    const from = this.#take(length);
    for (let i = 0; i < length; i++) {
      if (this.#bytes[from + i] !== text.charCodeAt(i)) this.fail("SCHEMA_CORRUPT", `a text that is not ${JSON.stringify(text)}`);
    }
    return text;
  }

  #unicode(from: number, end: number): string {
    if (!isUtf8(this.#bytes.subarray(from, end))) this.fail("SCHEMA_CORRUPT", "text that is no UTF-8");
    return this.#bytes.utf8Slice(from, end);
  }

  /** A copy. */
  bytes(): Uint8Array {
    const length = this.#length();
    const from = this.#take(length);
    return new Uint8Array(this.#bytes.subarray(from, from + length));
  }

  /** A two's complement integer strictly between `-limit` and `limit`. */
  decimal(limit: bigint): bigint {
    const length = this.#length();
    const from = this.#take(length);
    const bytes = this.#bytes;
    let value: bigint;
    if (length === 0) this.fail("SCHEMA_CORRUPT", "a decimal without bytes");
    if (length <= 6) value = BigInt(bytes.readIntBE(from, length));
    else if (length <= 64) value = BigInt.asIntN(length * 8, BigInt(`0x${bytes.hexSlice(from, from + length)}`));
    else this.fail("SCHEMA_CORRUPT", `a decimal of ${length} bytes`);
    if (value >= limit || value <= -limit) this.fail("SCHEMA_CORRUPT", "a decimal of too many digits");
    return value;
  }

  money(): Money {
    const amount = this.decimal(moneyLimit);
    return { amount, currency: this.string() };
  }

  /** The number of items in the next block of an array or map, 0 at its end. An item has a byte at least, so more cannot be meant. */
  block(): number {
    let count = this.long();
    if (count < 0) {
      count = -count;
      const bytes = this.#length();
      if (bytes > this.#end - this.#at) this.fail("SCHEMA_TRUNCATED", "the bytes end within a block");
    }
    if (count > this.#end - this.#at) this.fail("SCHEMA_CORRUPT", `a block of ${count} items in ${this.#end - this.#at} bytes`);
    return count;
  }

  skip(bytes: number): void {
    this.#take(bytes);
  }

  skipLong(): void {
    for (let i = 0; this.byte() > 127; i++) if (i > 8) this.fail("SCHEMA_CORRUPT", "an integer of more than ten bytes");
  }

  skipBytes(): void {
    this.#take(this.#length());
  }
}
