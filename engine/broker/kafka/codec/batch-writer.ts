import { at, transactionalBit } from "./batch-header.ts";
import { compress, compressions, type Compression } from "./compression.ts";
import { copyWords } from "./copy-words.ts";
import { crc32c } from "./crc32c.ts";
import { RecordParts } from "./record-parts.ts";
import { int32Size, int64Size, writeInt32, writeInt64 } from "./varint.ts";

/** A batch whose records are written and whose producer is not; `byteLength` is that of the whole, sealed batch. */
export type OpenBatch = {
  readonly count: number;
  readonly byteLength: number;
  readonly maxTimestamp: number;
  /** The batch with room for its producer; its own until it is sealed for the first time, then the caller's. */
  readonly bytes: Buffer;
  /** Whether `bytes` was given away. */
  sealed: boolean;
};

export type BatchWriterOptions = {
  /** Bound of a batch before it is compressed; one record always fits. Kafka's brokers take 1 MiB of a batch unless told otherwise. */
  readonly maxBytes?: number;
  readonly compression?: Compression;
};

const smallestBuffer = 4096;
/** Timestamp, sequence, number, two lengths and that of the headers, as `record-batch.ts` has them in front of a record. */
const frameFixedBytes = 32;
const nothing = Buffer.alloc(0);

type KeyAndValue = {
  readonly keyStart: number;
  readonly keyLength: number;
  readonly valueStart: number;
  readonly valueLength: number;
};

/**
 * Writes records of one partition as batches of Kafka's, in the order in which they are added. Timestamps are whole milliseconds there: fractions are
 * dropped. What a frame has and Kafka has not becomes a header (`kafka-headers.ts`), numbers begin at 0 without gaps.
 */
export class KafkaBatchWriter {
  readonly #maxBytes;
  readonly #compression: Compression;
  #full: OpenBatch[] = [];
  #bytes: Buffer = nothing;
  /** The same bytes. */
  #view: DataView = new DataView(nothing.buffer, nothing.byteOffset, 0);
  #length = 0;
  #count = 0;
  #baseTimestamp = 0;
  #maxTimestamp = 0;
  /** Size of the last batch: the next one begins with as much room. */
  #room = smallestBuffer;
  /** The one record that is being written. */
  readonly #record = new RecordParts();

  constructor({ maxBytes = 900 << 10, compression = "none" }: BatchWriterOptions = {}) {
    this.#maxBytes = maxBytes;
    this.#compression = compression;
  }

  /** Records of a frame as `record-batch.ts` describes it. @throws {RangeError} when it does not hold `count` whole records: the writer is of no use then */
  addFrame(frame: Uint8Array, count: number): void {
    this.#addFrame(frame, count, false);
  }

  /** Marks of time, for tasks only: to be added behind the records of the same commit. @throws {RangeError} as `addFrame` */
  addMarks(frame: Uint8Array, count: number): void {
    this.#addFrame(frame, count, true);
  }

  /** An entry of a changelog. @throws {RangeError} when the timestamp is no number of milliseconds */
  addRecord(key: Uint8Array | null, value: Uint8Array | null, timestamp: number): void {
    const record = this.#record;
    record.timestamp = wholeMs(timestamp);
    record.sequence = 0;
    record.mark = false;
    record.key = key ?? nothing;
    record.keyStart = 0;
    record.keyLength = key === null ? -1 : key.length;
    record.value = value ?? nothing;
    record.valueStart = 0;
    record.valueLength = value === null ? -1 : value.length;
    record.headersStart = 0;
    record.headersEnd = 0;
    this.#add(record);
  }

  /** The batches so far, in order; the writer begins anew. */
  take(): OpenBatch[] {
    this.#finish();
    const full = this.#full;
    this.#full = [];
    return full;
  }

  #addFrame(frame: Uint8Array, count: number, mark: boolean): void {
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    // Without headers a record takes less room than in its frame: nearly always one buffer is enough.
    this.#room = Math.max(this.#room, Math.min(frame.length + at.records, this.#maxBytes));
    const record = this.#record;
    record.mark = mark;
    let end = 0;
    for (let i = 0; i < count; i++) {
      const start = end;
      const timestamp = wholeMs(view.getFloat64(start));
      const sequence = view.getFloat64(start + 8);
      const keyLength = Math.max(view.getInt32(start + 20), -1);
      const valueLength = Math.max(view.getInt32(start + 24), -1);
      const headersLength = view.getInt32(start + 28);
      const keyStart = start + frameFixedBytes;
      const valueStart = keyLength > 0 ? keyStart + keyLength : keyStart;
      const headersStart = valueLength > 0 ? valueStart + valueLength : valueStart;
      end = headersStart + headersLength;
      if (headersLength < 0 || end > frame.length) throw malformed(frame, count, end);
      if (headersLength === 0 && sequence === 0 && !mark) {
        this.#addPlain(view, timestamp, { keyStart, keyLength, valueStart, valueLength });
        continue;
      }
      record.timestamp = timestamp;
      record.sequence = sequence;
      record.key = record.value = record.headers = frame;
      record.keyLength = keyLength;
      record.keyStart = keyStart;
      record.valueLength = valueLength;
      record.valueStart = valueStart;
      record.headersStart = headersStart;
      record.headersEnd = end;
      this.#add(record);
    }
    if (end !== frame.length) throw malformed(frame, count, end);
  }

  /** A record without headers, as most are. */
  #addPlain(source: DataView, timestamp: number, { keyStart, keyLength, valueStart, valueLength }: KeyAndValue): void {
    const parts = 2 + int32Size(keyLength) + Math.max(keyLength, 0) + int32Size(valueLength) + Math.max(valueLength, 0);
    let delta = this.#count === 0 ? 0 : timestamp - this.#baseTimestamp;
    let length = parts + int64Size(delta) + int32Size(this.#count);
    if (this.#count > 0 && this.#length + int32Size(length) + length > this.#maxBytes) {
      this.#finish();
      delta = 0;
      length = parts + 2;
    }
    let position = this.#begin(timestamp, length);
    const bytes = this.#bytes;
    const view = this.#view;
    bytes[position++] = 0;
    position = writeInt64(bytes, delta, position);
    position = writeInt32(bytes, this.#count, position);
    position = writeInt32(bytes, keyLength, position);
    if (keyLength > 0) position = copyWords(view, position, { source, start: keyStart, length: keyLength });
    position = writeInt32(bytes, valueLength, position);
    if (valueLength > 0) position = copyWords(view, position, { source, start: valueStart, length: valueLength });
    bytes[position] = 0;
    this.#length = position + 1;
    this.#count += 1;
  }

  #add(record: RecordParts): void {
    record.measureHeaders();
    let length = this.#lengthOf(record);
    if (this.#count > 0 && this.#length + int32Size(length) + length > this.#maxBytes) {
      this.#finish();
      length = this.#lengthOf(record);
    }
    const { timestamp } = record;
    let position = this.#begin(timestamp, length);
    const bytes = this.#bytes;
    bytes[position++] = 0;
    position = writeInt64(bytes, timestamp - this.#baseTimestamp, position);
    position = writeInt32(bytes, this.#count, position);
    this.#length = record.write(bytes, position);
    this.#count += 1;
  }

  /** Makes room for the next record and writes its length; answers where it goes on. */
  #begin(timestamp: number, length: number): number {
    if (this.#count === 0) {
      this.#length = at.records;
      this.#baseTimestamp = timestamp;
      this.#maxTimestamp = timestamp;
    } else if (timestamp > this.#maxTimestamp) {
      this.#maxTimestamp = timestamp;
    }
    this.#reserve(int32Size(length) + length);
    return writeInt32(this.#bytes, length, this.#length);
  }

  /** Bytes of the record behind its length, as the next of this batch. */
  #lengthOf(record: RecordParts): number {
    const { keyLength, valueLength } = record;
    const delta = this.#count === 0 ? 0 : record.timestamp - this.#baseTimestamp;
    return (
      1 +
      int64Size(delta) +
      int32Size(this.#count) +
      int32Size(keyLength) +
      Math.max(keyLength, 0) +
      int32Size(valueLength) +
      Math.max(valueLength, 0) +
      record.headerBytes
    );
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, needed, this.#room));
    this.#bytes.copy(grown, 0, 0, this.#count === 0 ? 0 : this.#length);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer, grown.byteOffset, grown.length);
  }

  #finish(): void {
    if (this.#count === 0) return;
    const count = this.#count;
    this.#room = Math.max(smallestBuffer, this.#length);
    const { bytes, kind } = this.#body();
    bytes.writeBigInt64BE(0n, at.baseOffset);
    bytes.writeInt32BE(bytes.length - at.leaderEpoch, at.length);
    bytes.writeInt32BE(-1, at.leaderEpoch);
    bytes[at.magic] = 2;
    bytes.writeInt16BE(compressions.indexOf(kind), at.attributes);
    bytes.writeInt32BE(count - 1, at.lastOffsetDelta);
    bytes.writeBigInt64BE(BigInt(this.#baseTimestamp), at.baseTimestamp);
    bytes.writeBigInt64BE(BigInt(this.#maxTimestamp), at.maxTimestamp);
    bytes.writeInt32BE(count, at.count);
    this.#full.push({ count, byteLength: bytes.length, maxTimestamp: this.#maxTimestamp, bytes, sealed: false });
    this.#count = 0;
    this.#length = 0;
  }

  /** Records that do not become shorter stay as they are. */
  #body(): { readonly bytes: Buffer; readonly kind: Compression } {
    const kind = this.#compression;
    const written = this.#bytes.subarray(0, this.#length);
    if (kind !== "none") {
      const body = compress(kind, written.subarray(at.records));
      if (at.records + body.length < written.length) {
        const bytes = Buffer.allocUnsafeSlow(at.records + body.length);
        body.copy(bytes, at.records);
        return { bytes, kind };
      }
    }
    this.#bytes = nothing;
    return { bytes: written, kind: "none" };
  }
}

/**
 * The batch as a broker takes it, of this producer; it may be sealed again for another one, while the earlier bytes are still on their way.
 * Without a producer (`producerId` −1) epoch and sequence are −1, too.
 */
export function sealBatch(
  batch: OpenBatch,
  producer: {
    readonly producerId: bigint;
    readonly producerEpoch: number;
    readonly firstSequence: number;
    readonly transactional: boolean;
  },
): Buffer {
  const bytes = batch.sealed ? Buffer.from(batch.bytes) : batch.bytes;
  batch.sealed = true;
  const attributes = bytes.readInt16BE(at.attributes) & ~transactionalBit;
  bytes.writeInt16BE(producer.transactional ? attributes | transactionalBit : attributes, at.attributes);
  bytes.writeBigInt64BE(producer.producerId, at.producerId);
  bytes.writeInt16BE(producer.producerEpoch, at.producerEpoch);
  bytes.writeInt32BE(producer.firstSequence, at.firstSequence);
  bytes.writeUInt32BE(crc32c(bytes.subarray(at.attributes)), at.crc);
  return bytes;
}

function wholeMs(timestamp: number): number {
  const whole = Math.floor(timestamp);
  if (!Number.isSafeInteger(whole)) throw new RangeError(`${timestamp} is no time in milliseconds`);
  return whole;
}

const malformed = (frame: Uint8Array, count: number, at: number): RangeError =>
  new RangeError(`frame of ${frame.length} bytes does not hold ${count} whole records: see byte ${at}`);
