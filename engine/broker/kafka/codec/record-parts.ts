import { markHeader, sequenceHeader } from "#broker/kafka-headers.ts";
import { int32Size, writeInt32 } from "./varint.ts";

/** Below it a loop is faster than a call. */
const shortBytes = 40;
const noBytes = Buffer.alloc(0);

const sequenceHeaderBytes = int32Size(sequenceHeader.length) + sequenceHeader.length + 1 + 8;
const markHeaderBytes = int32Size(markHeader.length) + markHeader.length + 1;

/** Where the parts of one record lie that is about to be written; one object for all records of a writer. */
export class RecordParts {
  timestamp = 0;
  sequence = 0;
  mark = false;
  key: Uint8Array = noBytes;
  keyStart = 0;
  /** −1: null. */
  keyLength = -1;
  value: Uint8Array = noBytes;
  valueStart = 0;
  /** −1: null. */
  valueLength = -1;
  headers: Uint8Array = noBytes;
  /** Headers as a frame has them. */
  headersStart = 0;
  headersEnd = 0;
  /** Their number, and bytes as a record of Kafka's has them, ours included: see `measureHeaders`. */
  headerCount = 0;
  headerBytes = 1;

  /** @throws {RangeError} when headers do not end where they should */
  measureHeaders(): void {
    let count = 0;
    let bytes = 0;
    if (this.sequence !== 0) {
      count += 1;
      bytes += sequenceHeaderBytes;
    }
    if (this.mark) {
      count += 1;
      bytes += markHeaderBytes;
    }
    const { headers, headersEnd } = this;
    let at = this.headersStart;
    while (at < headersEnd) {
      const nameLength = (headers[at]! << 8) | headers[at + 1]!;
      const valueLength = readInt32(headers, at + 2 + nameLength);
      if (valueLength < 0) throw new RangeError(`a header in byte ${at} of a frame is ${valueLength} bytes long`);
      bytes += int32Size(nameLength) + nameLength + int32Size(valueLength) + valueLength;
      count += 1;
      at += 6 + nameLength + valueLength;
    }
    if (at !== headersEnd) throw new RangeError(`headers end at byte ${at} of a frame instead of ${headersEnd}`);
    this.headerCount = count;
    this.headerBytes = int32Size(count) + bytes;
  }

  /** Writes key, value and headers; answers where they end. */
  write(target: Buffer, position: number): number {
    let at = writeInt32(target, this.keyLength, position);
    at = copy(target, at, { source: this.key, start: this.keyStart, length: this.keyLength });
    at = writeInt32(target, this.valueLength, at);
    at = copy(target, at, { source: this.value, start: this.valueStart, length: this.valueLength });
    if (this.headerCount === 0) {
      target[at] = 0;
      return at + 1;
    }
    return this.writeHeaders(target, at);
  }

  private writeHeaders(target: Buffer, position: number): number {
    let at = writeInt32(target, this.headerCount, position);
    if (this.sequence !== 0) {
      at = writeInt32(target, sequenceHeader.length, at);
      at = copy(target, at, { source: sequenceHeader, start: 0, length: sequenceHeader.length });
      at = target.writeDoubleBE(this.sequence, writeInt32(target, 8, at));
    }
    if (this.mark) {
      at = writeInt32(target, markHeader.length, at);
      at = copy(target, at, { source: markHeader, start: 0, length: markHeader.length });
      at = writeInt32(target, 0, at);
    }
    const { headers, headersEnd } = this;
    for (let from = this.headersStart; from < headersEnd;) {
      const nameLength = (headers[from]! << 8) | headers[from + 1]!;
      const valueLength = readInt32(headers, from + 2 + nameLength);
      at = copy(target, writeInt32(target, nameLength, at), { source: headers, start: from + 2, length: nameLength });
      from += 6 + nameLength;
      at = copy(target, writeInt32(target, valueLength, at), { source: headers, start: from, length: valueLength });
      from += valueLength;
    }
    return at;
  }
}

const readInt32 = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;

type Bytes = { readonly source: Uint8Array; readonly start: number; readonly length: number };

function copy(target: Buffer, position: number, { source, start, length }: Bytes): number {
  if (length <= shortBytes) {
    for (let i = 0; i < length; i++) target[position + i] = source[start + i]!;
    return length < 0 ? position : position + length;
  }
  target.set(start === 0 && length === source.length ? source : source.subarray(start, start + length), position);
  return position + length;
}
