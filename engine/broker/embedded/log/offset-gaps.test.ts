import { expect, test } from "vitest";
import { batchOf, orders } from "#broker/conformance-harness.ts";
import { indexBatch } from "#broker/record-batch.ts";
import { checkBatch, checkBatchWithGaps, type GapPlace } from "./offset-gaps.ts";

test("[L4] gaps go in front of a batch and of each of its records, and the caller's frame stays as it was", () => {
  const batch = batchOf(orders, 2, ["a", "b", "c"]);
  const places: GapPlace[] = [];
  const gaps = [5, 0, 3];
  const checked = checkBatchWithGaps(batch, (place) => {
    places.push(place);
    return gaps[place.record]!;
  });
  expect(checked.gapBefore).toBe(5);
  expect(checked.span).toBe(6);
  expect([...indexBatch(checked.batch.bytes, 3).numbers]).toEqual([0, 1, 5]);
  expect([...indexBatch(batch.bytes, 3).numbers]).toEqual([0, 1, 2]);
  expect(places).toEqual([0, 1, 2].map((record) => ({ topic: orders, partition: 2, kind: "records", record })));
});

test("[L8] a frame is looked through: cut anywhere, or with another count, it is refused", () => {
  const batch = batchOf(orders, 0, ["a", "bb", "ccc"]);
  expect(checkBatch(batch)).toMatchObject({ span: 3, gapBefore: 0 });
  for (let length = 0; length < batch.bytes.length; length++) {
    expect(() => checkBatch({ ...batch, bytes: batch.bytes.subarray(0, length) })).toThrow(RangeError);
  }
  for (const count of [0, -1, 2, 4]) expect(() => checkBatch({ ...batch, count })).toThrow("test.orders[0]");
  const falling = Buffer.from(batch.bytes);
  falling.writeInt32BE(0, 32 + 3 + 1 + 16);
  expect(() => checkBatch({ ...batch, bytes: falling })).toThrow(RangeError);
});
