import { expect, test } from "vitest";
import type { Cell } from "@millrace/engine";
import { slidingSpan, type SlidingSpan } from "./sliding-span.ts";

const hour = 3_600_000;

/** A span of an hour over a store of which only the expiry is seen. */
function spanAt(watermark: number): { span: SlidingSpan; expired: number[] } {
  const cells = new Map<string, Cell>();
  const expired: number[] = [];
  const cell = (name: string, initial: number): Cell => {
    const found = cells.get(name) ?? { value: initial };
    cells.set(name, found);
    return found;
  };
  return { span: slidingSpan({ expire: (before) => void expired.push(before) }, hour, { cell, watermark }), expired };
}

test("[F1] what is older than stream time by the span is still judged, one millisecond more is not", () => {
  const { span } = spanAt(Infinity);
  expect([10.5 * hour, 9.5 * hour, 9.5 * hour - 1].map((at) => span.reaches(at))).toEqual([true, true, false]);
});

test("[F1] three segments stand, and each that goes is told once", () => {
  const { span, expired } = spanAt(Infinity);
  for (const at of [0, 2.9 * hour, 3 * hour, 3.1 * hour, 2.5 * hour, 4 * hour]) span.reaches(at);
  expect(expired).toEqual([hour, 2 * hour]);
});

test("[F1] behind a repartition the watermark says what is late, not the fastest of the tasks that write", () => {
  const { span, expired } = spanAt(2 * hour);
  expect([9 * hour, hour, hour - 1].map((at) => span.reaches(at))).toEqual([true, true, false]);
  expect(expired).toEqual([]);
});
