import { markHeader, sequenceHeader } from "#broker/kafka-headers.ts";
import type { BatchIndex } from "#broker/record-batch.ts";
import { at, type BatchHeader } from "./batch-header.ts";
import { VarintReader } from "./varint.ts";

/** Length, attributes, two deltas, two lengths and the number of headers take a byte each at least. */
const shortestRecord = 7;

/** Records of one kind, from number `first` in the index and byte `start` on. */
export type Run = { readonly kind: "records" | "watermarks"; readonly first: number; readonly start: number };
/** `runs` cover all records. */
export type IndexedRecords = { readonly index: BatchIndex; readonly runs: readonly Run[] };

/**
 * Indexes the records that fill `bytes` from `from` on. A record is `varint length · i8 attributes · varlong timestampDelta · varint offsetDelta ·
 * varint keyLength · key · varint valueLength · value · headers`. `batch` is the whole batch as it was stored.
 * @throws {RangeError} when they are not the header's records
 */
export function indexRecords(
  bytes: Buffer,
  from: number,
  { batch, header }: { readonly batch: Buffer; readonly header: BatchHeader },
): IndexedRecords {
  const { count, logAppendTime, maxTimestamp } = header;
  const limit = bytes.length;
  if (count < 0 || count * shortestRecord > limit - from) throw new RangeError(`${limit - from} bytes do not hold ${count} records`);
  const timestamps = new Float64Array(count);
  const sequences = new Float64Array(count);
  const numbers = new Int32Array(count);
  const keyStarts = new Int32Array(count);
  const keyLengths = new Int32Array(count);
  const valueStarts = new Int32Array(count);
  const valueLengths = new Int32Array(count);
  const headerStarts = new Int32Array(count);
  const headerLengths = new Int32Array(count);
  const baseTimestamp = Number(batch.readBigInt64BE(at.baseTimestamp));
  const lastNumber = batch.readInt32BE(at.lastOffsetDelta);
  const reader = new VarintReader(bytes, from);
  const headers = new OwnHeaders(reader);
  let marks: boolean | undefined;
  const runs: Run[] = [];
  let number = -1;
  for (let i = 0; i < count; i++) {
    const begin = reader.position;
    const length = reader.int32();
    const end = reader.position + length;
    if (length < 0 || end > limit) throw new RangeError(`record ${i} of ${count} ends at byte ${end} of ${limit}`);
    reader.position += 1;
    const delta = reader.int64();
    timestamps[i] = logAppendTime ? maxTimestamp : baseTimestamp + delta;
    const next = reader.int32();
    if (next <= number || next > lastNumber) throw new RangeError(`record ${i} of ${count} has number ${next} behind ${number}`);
    numbers[i] = number = next;
    const keyLength = reader.int32();
    keyLengths[i] = keyLength;
    keyStarts[i] = reader.position;
    if (keyLength > 0) reader.position += keyLength;
    const valueLength = reader.int32();
    valueLengths[i] = valueLength;
    valueStarts[i] = reader.position;
    if (valueLength > 0) reader.position += valueLength;
    if (keyLength < -1 || valueLength < -1 || reader.position >= end) throw new RangeError(`record ${i} of ${count} ends within its value`);
    let mark = false;
    if (bytes[reader.position] === 0) {
      reader.position += 1;
    } else {
      headerStarts[i] = reader.position;
      const visible = headers.read(end);
      if (visible > 0) headerLengths[i] = reader.position - headerStarts[i]!;
      sequences[i] = headers.sequence;
      mark = headers.mark;
    }
    if (reader.position !== end) throw new RangeError(`record ${i} of ${count} ends at byte ${reader.position} instead of ${end}`);
    if (mark !== marks) {
      marks = mark;
      runs.push({ kind: mark ? "watermarks" : "records", first: i, start: begin });
    }
  }
  if (reader.position !== limit) throw new RangeError(`${limit - reader.position} bytes behind the last of ${count} records`);
  const index: BatchIndex = {
    bytes,
    count,
    timestamps,
    sequences,
    numbers,
    keyStarts,
    keyLengths,
    valueStarts,
    valueLengths,
    headerStarts,
    headerLengths,
    headerFormat: "kafka",
  };
  return { index, runs };
}

/** Reads the headers of one record after the other for what is ours. */
class OwnHeaders {
  sequence = 0;
  mark = false;
  private readonly reader: VarintReader;
  private readonly view: DataView;

  constructor(reader: VarintReader) {
    this.reader = reader;
    this.view = new DataView(reader.bytes.buffer, reader.bytes.byteOffset, reader.bytes.length);
  }

  /** How many headers there are for a reader; the headers end at `end` at the latest. @throws {RangeError} */
  read(end: number): number {
    const { reader } = this;
    const { bytes } = reader;
    this.sequence = 0;
    this.mark = false;
    const count = reader.int32();
    let visible = count;
    if (count < 0) throw new RangeError(`${count} headers in front of byte ${end}`);
    for (let i = 0; i < count; i++) {
      const nameLength = reader.int32();
      const name = reader.position;
      reader.position += nameLength;
      const valueLength = reader.int32();
      const value = reader.position;
      if (valueLength > 0) reader.position += valueLength;
      if (nameLength < 0 || valueLength < -1 || reader.position > end)
        throw new RangeError(`header ${i} of ${count} ends behind its record at byte ${end}`);
      if (nameLength === sequenceHeader.length && startsWith(bytes, sequenceHeader, name)) {
        visible -= 1;
        const sequence = valueLength === 8 ? this.view.getFloat64(value) : 0;
        this.sequence = Number.isFinite(sequence) ? sequence : 0;
      } else if (nameLength === markHeader.length && startsWith(bytes, markHeader, name)) {
        visible -= 1;
        this.mark = true;
      }
    }
    return visible;
  }
}

function startsWith(bytes: Buffer, text: Buffer, position: number): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[position + i] !== text[i]) return false;
  return true;
}
