import type { RecordBatch } from "#broker/broker.ts";

/** The place of one record about to be written: record `record` (0 is the first) of a batch. */
export type GapPlace = Pick<RecordBatch, "topic" | "partition" | "kind"> & { readonly record: number };

/**
 * How many offsets to leave out in front of a record (0: none), asked once for each record in order. For tests: the offsets of Kafka have gaps.
 * A gap inside of an appended batch makes `at.offset + i` of its answer wrong from there on.
 */
export type AppendGap = (place: GapPlace) => number;

/** A batch whose frame was looked through; `span` is the number of offsets that it takes. */
export type CheckedBatch = { readonly batch: RecordBatch; readonly span: number; readonly gapBefore: number };

/** Where a record's number stands in it. */
export const numberAt = 16;
const keyLengthAt = 20;
const fixedBytes = 32;

/** @throws {RangeError} when the frame does not hold `count` ≥ 1 whole records with rising numbers */
export function checkBatch(batch: RecordBatch): CheckedBatch {
  return { batch, span: walk(batch, undefined) + 1, gapBefore: 0 };
}

/** The batch with gaps in its numbers; the caller's bytes stay as they are. */
export function checkBatchWithGaps(batch: RecordBatch, appendGap: AppendGap): CheckedBatch {
  const place = { topic: batch.topic, partition: batch.partition, kind: batch.kind };
  checkBatch(batch);
  const gapBefore = appendGap({ ...place, record: 0 });
  const spread = { ...batch, bytes: Uint8Array.from(batch.bytes) };
  const span = walk(spread, (record) => appendGap({ ...place, record })) + 1;
  return { batch: spread, span, gapBefore };
}

/** The last record's number; with `gapAt`, numbers are moved up on the way. */
function walk(batch: RecordBatch, gapAt: ((record: number) => number) | undefined): number {
  const { bytes, count } = batch;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  let last = -1;
  let moved = 0;
  for (let record = 0; record < count; record++) {
    if (at + fixedBytes > bytes.length) throw malformed(batch, at);
    if (gapAt !== undefined) {
      if (record > 0) moved += gapAt(record);
      view.setInt32(at + numberAt, view.getInt32(at + numberAt) + moved);
    }
    const number = view.getInt32(at + numberAt);
    const headersLength = view.getInt32(at + keyLengthAt + 8);
    if (number <= last || headersLength < 0) throw malformed(batch, at);
    last = number;
    at = nextRecord(view, at);
  }
  if (count < 1 || at !== bytes.length) throw malformed(batch, at);
  return last;
}

/** Where the record behind the one at `at` begins. */
export const nextRecord = (view: DataView, at: number): number =>
  at +
  fixedBytes +
  Math.max(view.getInt32(at + keyLengthAt), 0) +
  Math.max(view.getInt32(at + keyLengthAt + 4), 0) +
  view.getInt32(at + keyLengthAt + 8);

const malformed = ({ topic, partition, count, bytes }: RecordBatch, at: number): RangeError =>
  new RangeError(`frame for ${topic}[${partition}] of ${bytes.length} bytes does not hold ${count} whole records: see byte ${at}`);
