import { expect, test } from "vitest";
import { encodeHeaders, indexBatch, noHeaders, RecordBatchBuilder } from "#broker/record-batch.ts";
import { decodeValue } from "./decode-value.ts";
import type { SourcePlan } from "./plan.ts";
import { TaskRecord } from "./task-record.ts";

const headers = encodeHeaders([["a", "1"]]);
const builder = new RecordBatchBuilder();
builder.append({ timestamp: 7, sequence: 3, key: "first", value: Buffer.from("one"), headers });
builder.append({ timestamp: 8, sequence: 0, key: null, value: null, headers: noHeaders });
builder.append({ timestamp: 9, sequence: 0, key: "schlüssel", value: Buffer.alloc(0), headers: noHeaders });
const { bytes, count } = builder.take()!;
const index = indexBatch(bytes, count);

test("[K123] a record's key and headers are its batch's, whenever they are asked for, unless a node has changed them", () => {
  const record = new TaskRecord();
  expect(record).toMatchObject({ key: null, timestamp: -1, sequence: 0, headers: noHeaders, windowStart: -1, windowEnd: -1 });
  record.point(index, 0);
  expect(record).toMatchObject({ key: "first", timestamp: 7, sequence: 3, headers });
  record.key = null;
  record.headers = noHeaders;
  record.windowStart = 5;
  expect(record).toMatchObject({ key: null, headers: noHeaders });
  record.point(index, 1);
  expect(record).toMatchObject({ key: null, timestamp: 8, sequence: 0, headers: noHeaders, windowStart: -1 });
  record.key = "another";
  expect(record.key).toBe("another");
  record.point(index, 2);
  expect(record).toMatchObject({ key: "schlüssel", timestamp: 9 });
  record.clear();
  expect(record).toMatchObject({ key: null, timestamp: -1, sequence: 0, headers: noHeaders, windowStart: -1, windowEnd: -1 });
});

test("[K123] a source that reads where a value lies gets its bounds, and null like any other", () => {
  const text = (view: Uint8Array | null): string => (view === null ? "null" : Buffer.from(view).toString());
  const plain: SourcePlan = { topic: "in", to: [], upstream: [], decode: text };
  const atOnce: SourcePlan = { ...plain, decodeAt: (all, from, end) => `at ${text(all.subarray(from, end))}` };
  expect([0, 1, 2].map((at) => decodeValue(plain, index, at))).toEqual(["one", "null", ""]);
  expect([0, 1, 2].map((at) => decodeValue(atOnce, index, at))).toEqual(["at one", "null", "at "]);
});
