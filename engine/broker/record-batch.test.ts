import { expect, test } from "vitest";
import { seededRandom } from "./conformance-harness.ts";
import {
  decodeHeaders,
  encodeHeaders,
  headerBytesOf,
  type HeaderList,
  indexBatch,
  keyOf,
  keyTextOf,
  type NewRecord,
  RecordBatchBuilder,
  valueOf,
} from "./record-batch.ts";

type Expected = NewRecord & { readonly number: number; readonly headerList: HeaderList };
/** Buffers as text: vitest compares those a hundred times faster. */
const readable = (record: Expected) => ({
  ...record,
  key: record.key instanceof Uint8Array ? Buffer.from(record.key).toString("hex") : record.key,
  value: record.value && Buffer.from(record.value).toString("hex"),
  headers: Buffer.from(record.headers).toString("hex"),
});

test("[L19] whatever records go into a frame come out of it", () => {
  const random = seededRandom("record-batch");
  const below = (bound: number): number => Math.floor(random() * bound);
  const bytes = (): Buffer => Buffer.from(Array.from({ length: below(40) }, () => below(256)));
  const text = (): string =>
    Array.from({ length: below(12) }, () => String.fromCodePoint([97 + below(26), 0xe9, 0x6771, 0x1f600][below(4)]!)).join("");
  const keys = [(): null => null, text, bytes];
  const builder = new RecordBatchBuilder(64);
  for (let round = 0; round < 200; round++) {
    let number = -1;
    const expected = Array.from({ length: 1 + below(30) }, (): Expected => {
      number += 1 + (random() < 0.2 ? below(5) : 0);
      const headerList = Array.from({ length: below(3) }, () => [text(), text()] as const);
      const timestamp = random() < 0.5 ? below(2 ** 31) * 1000 : 0;
      return {
        timestamp,
        sequence: below(2 ** 31) * 2 ** 20,
        key: keys[below(3)]!(),
        value: random() < 0.2 ? null : bytes(),
        headers: encodeHeaders(headerList),
        headerList,
        number,
      };
    });
    for (const record of expected) builder.append(record, record.number);
    const length = builder.byteLength;
    const taken = builder.take()!;
    expect(taken.bytes.length).toBe(length);
    expect(taken.bytes.buffer.byteLength).toBe(length);
    // A frame is read wherever it lies in a larger buffer.
    const within = new Uint8Array(length + 7);
    within.set(taken.bytes, 5);
    const index = indexBatch(within.subarray(5, 5 + length), taken.count);
    const found = expected.map((record, i): Expected => {
      const key = keyOf(index, i);
      return {
        timestamp: index.timestamps[i]!,
        sequence: index.sequences[i]!,
        number: index.numbers[i]!,
        key: typeof record.key === "string" ? keyTextOf(index, i) : key && Buffer.from(key),
        value: valueOf(index, i) && Buffer.from(valueOf(index, i)!),
        headers: Buffer.from(headerBytesOf(index, i)),
        headerList: decodeHeaders(headerBytesOf(index, i)),
      };
    });
    expect(found.map(readable)).toEqual(expected.map(readable));
  }
});

test("[L19] a builder begins again after `take`, and an empty one has nothing to give", () => {
  const builder = new RecordBatchBuilder();
  expect(builder.take()).toBeUndefined();
  const record = { timestamp: 1, sequence: 2, key: "k", value: null, headers: encodeHeaders([]) };
  builder.append(record);
  builder.append(record);
  const first = builder.take()!;
  expect(first.count).toBe(2);
  builder.append(record);
  const second = builder.take()!;
  expect([...indexBatch(second.bytes, 1).numbers]).toEqual([0]);
  expect([...indexBatch(first.bytes, 2).numbers]).toEqual([0, 1]);
  expect(builder.take()).toBeUndefined();
});

test("[L19] a frame that is cut, or holds more than was said, is refused", () => {
  const builder = new RecordBatchBuilder();
  for (let i = 0; i < 3; i++)
    builder.append({ timestamp: i, sequence: 0, key: "key", value: Buffer.from("value"), headers: encodeHeaders([["a", "b"]]) });
  const { bytes } = builder.take()!;
  for (let length = 0; length < bytes.length; length++) expect(() => indexBatch(bytes.subarray(0, length), 3)).toThrow(RangeError);
  expect(() => indexBatch(bytes, 2)).toThrow(RangeError);
  expect(() => indexBatch(bytes, 4)).toThrow(RangeError);
});

test("[L19] frames that share a buffer are each whole, also when it grows or one of them is taken", () => {
  const builder = new RecordBatchBuilder(64);
  expect(builder.share()).toBeUndefined();
  const frames = Array.from({ length: 20 }, (_, frame) => {
    for (let i = 0; i <= frame % 3; i++)
      builder.append({ timestamp: frame, sequence: i, key: `k${frame}`, value: Buffer.from(`v${i}`), headers: encodeHeaders([]) });
    return (frame % 5 === 4 ? builder.take() : builder.share())!;
  });
  expect(builder.byteLength).toBe(0);
  for (const [frame, { count, bytes }] of frames.entries()) {
    expect(count).toBe((frame % 3) + 1);
    const index = indexBatch(bytes, count);
    expect([...index.numbers]).toEqual(Array.from({ length: count }, (_, i) => i));
    for (let i = 0; i < count; i++) expect([keyOf(index, i)!.toString(), valueOf(index, i)!.toString()]).toEqual([`k${frame}`, `v${i}`]);
  }
});
