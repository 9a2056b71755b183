import { Reader, readRecordsBatches } from "@platformatic/kafka";
import { expect, test } from "vitest";
import { seededRandom } from "#broker/conformance-harness.ts";
import { decodeHeaders, headerBytesOf, keyOf, noHeaders, RecordBatchBuilder, valueOf } from "#broker/record-batch.ts";
import { readBatchHeader } from "./batch-header.ts";
import { KafkaBatchWriter, type OpenBatch, sealBatch } from "./batch-writer.ts";
import { compressions } from "./compression.ts";
import { decodeBatch, type DecodedPart } from "./decode-batch.ts";
import { type RandomRecord, randomRecords } from "./random-records.ts";

const producer = { producerId: 4711n, producerEpoch: 3, firstSequence: 9, transactional: true };
const seal = (batches: readonly OpenBatch[]): Buffer[] => batches.map((batch) => sealBatch(batch, producer));
const frameOf = (records: readonly RandomRecord[]): { readonly count: number; readonly bytes: Uint8Array } => {
  const builder = new RecordBatchBuilder();
  for (const record of records) builder.append(record);
  return builder.take()!;
};
const hexOf = (bytes: Uint8Array | null): string | null => bytes && Buffer.from(bytes).toString("hex");

/** All parts of all batches of a buffer. */
function decodeAll(bytes: Buffer): DecodedPart[] {
  const parts: DecodedPart[] = [];
  for (let at = 0; at < bytes.length;) {
    const header = readBatchHeader(bytes, at)!;
    parts.push(...decodeBatch(bytes, at, header, "orders[3]"));
    at += header.byteLength;
  }
  return parts;
}

const found = (parts: readonly DecodedPart[]): unknown[] =>
  parts.flatMap(({ index }) =>
    Array.from({ length: index.count }, (_, i) => ({
      timestamp: index.timestamps[i]!,
      sequence: index.sequences[i]!,
      key: hexOf(keyOf(index, i)),
      value: hexOf(valueOf(index, i)),
      headers: decodeHeaders(headerBytesOf(index, i)),
    })),
  );
const expected = (records: readonly RandomRecord[]): unknown[] =>
  records.map(({ timestamp, sequence, key, value, headerList }) => ({
    timestamp,
    sequence,
    key: hexOf(key),
    value: hexOf(value),
    headers: headerList,
  }));

for (const compression of compressions) {
  test(`[K2] whatever goes into a batch comes out of it, and out of the library's decoder (${compression})`, () => {
    const random = seededRandom(`K2 ${compression}`);
    for (let round = 0; round < 20; round++) {
      const records = randomRecords(random, 1 + Math.floor(random() * 200));
      const { bytes, count } = frameOf(records);
      const writer = new KafkaBatchWriter({ compression });
      writer.addFrame(bytes, count);
      const batches = writer.take();
      expect(batches.map((batch) => batch.count)).toEqual([records.length]);
      const [sealed] = seal(batches);
      expect(sealed!.length).toBe(batches[0]!.byteLength);
      const parts = decodeAll(sealed!);
      expect(parts.map(({ kind, next }) => [kind, next])).toEqual([["records", BigInt(count)]]);
      expect([...parts[0]!.index.numbers]).toEqual(records.map((_, i) => i));
      expect(found(parts)).toEqual(expected(records));
      const [theirs] = readRecordsBatches(Reader.from(Buffer.from(sealed!)));
      expect(theirs!.producerId).toBe(producer.producerId);
      expect([theirs!.producerEpoch, theirs!.firstSequence, theirs!.lastOffsetDelta]).toEqual([3, 9, count - 1]);
      expect(theirs!.maxTimestamp).toBe(BigInt(Math.max(...records.map(({ timestamp }) => timestamp))));
      const withTheirs = theirs!.records.map(({ key, value, timestampDelta, headers }) => ({
        timestamp: Number(theirs!.firstTimestamp + timestampDelta),
        key: hexOf(key),
        value: hexOf(value),
        headers: headers.map(([name, text]) => [String(name), String(text)]).filter(([name]) => name !== "millrace-seq"),
      }));
      expect(withTheirs).toEqual(expected(records).map((record) => ({ ...(record as object), sequence: undefined })));
    }
  });
}

test("[K7] batches keep to their bound and the order of records; one record always fits", () => {
  const random = seededRandom("K7");
  for (let round = 0; round < 30; round++) {
    const records = randomRecords(random, 1 + Math.floor(random() * 300));
    const maxBytes = 300 + Math.floor(random() * 5000);
    const writer = new KafkaBatchWriter({ maxBytes });
    for (let from = 0; from < records.length;) {
      const size = 1 + Math.floor(random() * 40);
      const frame = frameOf(records.slice(from, from + size));
      writer.addFrame(frame.bytes, frame.count);
      from += size;
    }
    const batches = writer.take();
    expect(writer.take()).toEqual([]);
    for (const { byteLength, count } of batches) expect(count === 1 || byteLength <= maxBytes).toBe(true);
    // No batch could have taken the record behind it.
    const counts = batches.map(({ count }) => count);
    expect(counts.reduce((sum, count) => sum + count)).toBe(records.length);
    const sealed = seal(batches);
    expect(found(sealed.flatMap((bytes) => decodeAll(bytes)))).toEqual(expected(records));
  }
});

test("[K7] changelog entries: nulls stay nulls, empty stays empty, fractions of a millisecond are dropped", () => {
  const writer = new KafkaBatchWriter({ compression: "zstd" });
  writer.addRecord(Buffer.from("a"), null, 5.75);
  writer.addRecord(null, new Uint8Array(0), -1);
  writer.addRecord(new Uint8Array(0), new Uint8Array([1, 2, 3]), 2 ** 44);
  const [index] = seal(writer.take())
    .flatMap((bytes) => decodeAll(bytes))
    .map((part) => part.index);
  expect([...index!.timestamps]).toEqual([5, -1, 2 ** 44]);
  expect([0, 1, 2].map((i) => [hexOf(keyOf(index!, i)), hexOf(valueOf(index!, i))])).toEqual([
    ["61", null],
    [null, ""],
    ["", "010203"],
  ]);
  expect([0, 1, 2].map((i) => headerBytesOf(index!, i).length)).toEqual([0, 0, 0]);
  for (const timestamp of [NaN, Infinity, 2 ** 60]) expect(() => writer.addRecord(null, null, timestamp)).toThrow(RangeError);
});

test("[K7] a frame that is cut, or holds more than was said, is refused", () => {
  const random = seededRandom("K7 frames");
  const { bytes, count } = frameOf(randomRecords(random, 5));
  for (let length = 0; length < bytes.length; length++)
    expect(() => new KafkaBatchWriter().addFrame(bytes.subarray(0, length), count)).toThrow(RangeError);
  expect(() => new KafkaBatchWriter().addFrame(bytes, count - 1)).toThrow(RangeError);
  expect(() => new KafkaBatchWriter().addFrame(bytes, count + 1)).toThrow(RangeError);
});

test("[K6] marks are headers that no reader sees; behind records they are a part of their own", () => {
  const random = seededRandom("K6");
  const records = randomRecords(random, 20);
  const marks = randomRecords(random, 3);
  for (const compression of compressions) {
    const writer = new KafkaBatchWriter({ compression });
    const [frame, marked] = [frameOf(records), frameOf(marks)];
    writer.addFrame(frame.bytes, frame.count);
    writer.addMarks(marked.bytes, marked.count);
    const parts = decodeAll(seal(writer.take())[0]!);
    expect(parts.map(({ kind, next }) => [kind, next])).toEqual([
      ["records", 20n],
      ["watermarks", 23n],
    ]);
    expect(found(parts)).toEqual(expected([...records, ...marks]));
    expect([...parts[1]!.index.numbers]).toEqual([20, 21, 22]);
    const only = new KafkaBatchWriter({ compression });
    only.addMarks(marked.bytes, marked.count);
    expect(decodeAll(seal(only.take())[0]!).map(({ kind, next }) => [kind, next])).toEqual([["watermarks", 3n]]);
  }
});

test("[K8] sealed again for another producer, the bytes given away before stay as they are", () => {
  const writer = new KafkaBatchWriter();
  const { bytes, count } = frameOf(randomRecords(seededRandom("K8"), 10));
  writer.addFrame(bytes, count);
  const [batch] = writer.take();
  const first = sealBatch(batch!, producer);
  const before = Buffer.from(first);
  const second = sealBatch(batch!, { producerId: 9n, producerEpoch: 4, firstSequence: 0, transactional: false });
  expect(first.equals(before)).toBe(true);
  expect(readBatchHeader(first, 0)).toMatchObject({ producerId: 4711n, transactional: true, count: 10 });
  expect(readBatchHeader(second, 0)).toMatchObject({ producerId: 9n, transactional: false, count: 10 });
  expect(found(decodeAll(second))).toEqual(found(decodeAll(first)));
  expect(sealBatch(batch!, producer).equals(before)).toBe(true);
});

test("[K8] records that do not become shorter are not compressed", () => {
  const random = seededRandom("K8 noise");
  const value = Buffer.from(Array.from({ length: 2000 }, () => Math.floor(random() * 256)));
  for (const compression of compressions) {
    const writer = new KafkaBatchWriter({ compression });
    const builder = new RecordBatchBuilder();
    builder.append({ timestamp: 1, sequence: 0, key: null, value, headers: noHeaders });
    const { bytes, count } = builder.take()!;
    writer.addFrame(bytes, count);
    expect(writer.take()[0]!.byteLength).toBeLessThanOrEqual(61 + 7 + 3 + 2000);
  }
});
