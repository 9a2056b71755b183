import { expect, test } from "vitest";
import { batchOf } from "#broker/conformance-harness.ts";
import { indexBatch, keyTextOf } from "#broker/record-batch.ts";
import { mergeBatches } from "./merge-batches.ts";
import { checkBatch, checkBatchWithGaps } from "./offset-gaps.ts";

const offsetsOf = (checked: ReturnType<typeof mergeBatches>): readonly (readonly [place: string, offset: number, key: string | null])[] => {
  const ends = new Map<string, number>();
  return checked.flatMap(({ batch, span, gapBefore }) => {
    const place = `${batch.topic}/${batch.partition}/${batch.kind}`;
    const base = (ends.get(place) ?? 0) + gapBefore;
    ends.set(place, base + span);
    const index = indexBatch(batch.bytes, batch.count);
    return Array.from({ length: batch.count }, (_, i) => [place, base + index.numbers[i]!, keyTextOf(index, i)] as const);
  });
};
const byPlace = (rows: ReturnType<typeof offsetsOf>) => rows.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));

test("[L3] what one commit writes to a partition is one batch, at the offsets that its parts would have", () => {
  let seed = 7;
  const gap = (): number => (seed = (seed * 31) % 101) % 3;
  const batches = Array.from({ length: 60 }, (_, i) =>
    checkBatchWithGaps(
      {
        ...batchOf(
          `t${i % 2}`,
          i % 3,
          Array.from({ length: 1 + (i % 4) }, (_unused, k) => `${i}-${k}`),
        ),
        kind: i % 7 === 0 ? "watermarks" : "records",
      },
      gap,
    ),
  );
  const merged = mergeBatches(batches);
  expect(merged.length).toBeLessThanOrEqual(12);
  expect(byPlace(offsetsOf(merged))).toEqual(byPlace(offsetsOf(batches)));
});

test("[L5] large batches stay apart", () => {
  const batches = Array.from({ length: 4 }, () => checkBatch(batchOf("t", 0, ["x".repeat(100_000)])));
  expect(mergeBatches(batches).map(({ batch }) => batch.count)).toEqual([2, 2]);
});
