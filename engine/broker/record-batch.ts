import { frameHeadersOf } from "./kafka-headers.ts";
import { shortText } from "./short-text.ts";

/**
 * A frame is its records one behind the other, big-endian:
 * `f64 timestamp (ms) · f64 sequence · i32 number · i32 keyLength (−1: null) · i32 valueLength (−1: null) · i32 headersLength · key · value · headers`,
 * headers being `u16 nameLength · name · i32 valueLength · value` repeated.
 * `sequence` is what the gateway stamped on the event (0: none): the order of a customer's session across topics. `number` is the record's
 * offset less the batch's base offset; numbers rise, but may leave gaps.
 */
const fixedBytes = 8 + 8 + 4 + 4 + 4 + 4;

export type HeaderList = readonly (readonly [name: string, value: string])[];

/**
 * Where the parts of each record of one batch lie within `bytes`, which spans that batch only: a frame, or a batch of Kafka's, read where it lies.
 * Columns instead of objects, so that reading a batch allocates once.
 */
export type BatchIndex = {
  readonly bytes: Buffer;
  readonly count: number;
  readonly timestamps: Float64Array;
  readonly sequences: Float64Array;
  readonly numbers: Int32Array;
  readonly keyStarts: Int32Array;
  /** −1: null. */
  readonly keyLengths: Int32Array;
  readonly valueStarts: Int32Array;
  /** −1: null. */
  readonly valueLengths: Int32Array;
  readonly headerStarts: Int32Array;
  /** 0 when there are no headers for a reader. */
  readonly headerLengths: Int32Array;
  /** How headers are written: as in a frame, or as in a record of Kafka's, from their number on. */
  readonly headerFormat: "frame" | "kafka";
};

/** Reads a frame's fixed parts. @throws {RangeError} when the frame does not hold `count` whole records */
export function indexBatch(frame: Uint8Array, count: number): BatchIndex {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
  const timestamps = new Float64Array(count);
  const sequences = new Float64Array(count);
  const numbers = new Int32Array(count);
  const keyStarts = new Int32Array(count);
  const keyLengths = new Int32Array(count);
  const valueStarts = new Int32Array(count);
  const valueLengths = new Int32Array(count);
  const headerStarts = new Int32Array(count);
  const headerLengths = new Int32Array(count);
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  let at = 0;
  for (let i = 0; i < count; i++) {
    timestamps[i] = view.getFloat64(at);
    sequences[i] = view.getFloat64(at + 8);
    numbers[i] = view.getInt32(at + 16);
    const keyLength = (keyLengths[i] = view.getInt32(at + 20));
    const valueLength = (valueLengths[i] = view.getInt32(at + 24));
    const headersLength = (headerLengths[i] = view.getInt32(at + 28));
    keyStarts[i] = at += fixedBytes;
    valueStarts[i] = at += Math.max(keyLength, 0);
    headerStarts[i] = at += Math.max(valueLength, 0);
    at += headersLength;
  }
  if (at !== bytes.length) throw new RangeError(`frame of ${bytes.length} bytes does not end with its ${count} records at ${at}`);
  const keys = { keyStarts, keyLengths, valueStarts, valueLengths, headerStarts, headerLengths };
  return { bytes, count, timestamps, sequences, numbers, ...keys, headerFormat: "frame" };
}

/** The index of a batch without records. */
export const noRecords: BatchIndex = indexBatch(new Uint8Array(0), 0);

/** The records from number `first` of the index on, over the same bytes. */
export function indexFrom(index: BatchIndex, first: number): BatchIndex {
  return {
    bytes: index.bytes,
    count: index.count - first,
    timestamps: index.timestamps.subarray(first),
    sequences: index.sequences.subarray(first),
    numbers: index.numbers.subarray(first),
    keyStarts: index.keyStarts.subarray(first),
    keyLengths: index.keyLengths.subarray(first),
    valueStarts: index.valueStarts.subarray(first),
    valueLengths: index.valueLengths.subarray(first),
    headerStarts: index.headerStarts.subarray(first),
    headerLengths: index.headerLengths.subarray(first),
    headerFormat: index.headerFormat,
  };
}

/** Key of record i as a view into the batch (copy before keeping it), or null. */
export function keyOf(batch: BatchIndex, i: number): Buffer | null {
  const length = batch.keyLengths[i]!;
  const start = batch.keyStarts[i]!;
  return length < 0 ? null : batch.bytes.subarray(start, start + length);
}

/** Key of record i as text, or null; ill-formed UTF-8 reads as U+FFFD, so doors check before they write. */
export function keyTextOf(batch: BatchIndex, i: number): string | null {
  const length = batch.keyLengths[i]!;
  const start = batch.keyStarts[i]!;
  return length < 0 ? null : (shortText(batch.bytes, start, length) ?? batch.bytes.toString("utf8", start, start + length));
}

/** Start of the value of record i within `bytes`. */
export const valueStartOf = (batch: BatchIndex, i: number): number => batch.valueStarts[i]!;

/** Value of record i as a view into the batch (copy before keeping it), or null. */
export function valueOf(batch: BatchIndex, i: number): Buffer | null {
  const length = batch.valueLengths[i]!;
  const start = valueStartOf(batch, i);
  return length < 0 ? null : batch.bytes.subarray(start, start + length);
}

/** Headers of record i as a frame has them; those that are ours alone in Kafka (`kafka-headers.ts`) are left out. */
export function headerBytesOf(batch: BatchIndex, i: number): Buffer {
  const length = batch.headerLengths[i]!;
  if (length === 0) return noHeaders;
  const start = batch.headerStarts[i]!;
  if (batch.headerFormat === "frame") return batch.bytes.subarray(start, start + length);
  return frameHeadersOf(batch.bytes, start);
}

export const noHeaders: Buffer = Buffer.alloc(0);

export function encodeHeaders(headers: HeaderList): Buffer {
  if (headers.length === 0) return noHeaders;
  let length = 0;
  for (const [name, value] of headers) length += 6 + Buffer.byteLength(name) + Buffer.byteLength(value);
  const bytes = Buffer.allocUnsafe(length);
  let at = 0;
  for (const [name, value] of headers) {
    const nameLength = writeText(bytes, name, at + 2);
    bytes[at] = nameLength >>> 8;
    bytes[at + 1] = nameLength;
    at += 2 + nameLength;
    const valueLength = bytes.write(value, at + 4);
    bytes.writeInt32BE(valueLength, at);
    at += 4 + valueLength;
  }
  return bytes;
}

export function decodeHeaders(bytes: Uint8Array): HeaderList {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headers: (readonly [string, string])[] = [];
  for (let at = 0; at < buffer.length;) {
    const nameEnd = at + 2 + buffer.readUInt16BE(at);
    const valueEnd = nameEnd + 4 + buffer.readInt32BE(nameEnd);
    headers.push([buffer.toString("utf8", at + 2, nameEnd), buffer.toString("utf8", nameEnd + 4, valueEnd)]);
    at = valueEnd;
  }
  return headers;
}

export type NewRecord = {
  readonly timestamp: number;
  readonly sequence: number;
  readonly key: string | Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: Uint8Array;
};

/** Writes records into one growing buffer; `take` or `share` hands the frame over and begins the next. */
export class RecordBatchBuilder {
  count = 0;
  private buffer: Buffer;
  private view: DataView;
  /** Where the frame begins: behind those that were shared. */
  private start = 0;
  private length = 0;

  constructor(capacityBytes = 4096) {
    this.buffer = Buffer.allocUnsafeSlow(capacityBytes);
    this.view = new DataView(this.buffer.buffer);
  }

  get byteLength(): number {
    return this.length - this.start;
  }

  /** Numbers records 0, 1, 2 … unless `number` says otherwise. */
  append(record: NewRecord, number: number = this.count): void {
    const { key, value, headers } = record;
    const valueLength = value === null ? -1 : value.length;
    // Room for the longest that a key of so many code units can be.
    this.reserve(fixedBytes + (key === null ? 0 : key.length * 3) + Math.max(valueLength, 0) + headers.length);
    const { buffer, view } = this;
    const start = this.length;
    let at = start + fixedBytes;
    let keyLength = -1;
    if (typeof key === "string") {
      keyLength = writeText(buffer, key, at);
      at += keyLength;
    } else if (key !== null) {
      keyLength = key.length;
      buffer.set(key, at);
      at += keyLength;
    }
    view.setFloat64(start, record.timestamp);
    view.setFloat64(start + 8, record.sequence);
    view.setInt32(start + 16, number);
    view.setInt32(start + 20, keyLength);
    view.setInt32(start + 24, valueLength);
    view.setInt32(start + 28, headers.length);
    if (value !== null) {
      buffer.set(value, at);
      at += value.length;
    }
    if (headers.length > 0) {
      buffer.set(headers, at);
      at += headers.length;
    }
    this.length = at;
    this.count += 1;
  }

  /** The frame so far, with a buffer of its own (it can be transferred), or undefined when there is no record. */
  take(): { readonly count: number; readonly bytes: Uint8Array<ArrayBuffer> } | undefined {
    if (this.count === 0) return undefined;
    const bytes = new Uint8Array(this.length - this.start);
    bytes.set(this.buffer.subarray(this.start, this.length));
    const taken = { count: this.count, bytes };
    this.count = 0;
    this.length = this.start;
    return taken;
  }

  /** The same without a copy: a frame that lies in one buffer with those before and behind it, and so cannot be transferred. */
  share(): { readonly count: number; readonly bytes: Uint8Array } | undefined {
    if (this.count === 0) return undefined;
    const shared = { count: this.count, bytes: this.buffer.subarray(this.start, this.length) };
    this.count = 0;
    this.start = this.length;
    return shared;
  }

  private reserve(more: number): void {
    if (this.length + more <= this.buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.length + more));
    this.buffer.copy(grown, 0, 0, this.length);
    this.buffer = grown;
    this.view = new DataView(grown.buffer);
  }
}

/** Nearly all keys are short and ASCII: a call into Node costs more than they do. Answers the bytes written. */
function writeText(buffer: Buffer, text: string, at: number): number {
  const { length } = text;
  if (length <= 32) {
    let i = 0;
    for (let code = 0; i < length && (code = text.charCodeAt(i)) < 128; i++) buffer[at + i] = code;
    if (i === length) return length;
  }
  return buffer.write(text, at);
}
