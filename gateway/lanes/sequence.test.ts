import { expect, test } from "vitest";
import { sequenceFrom } from "./sequence.ts";

test("[G14] sequences rise strictly, within a millisecond, when the clock goes back, and after a restart", () => {
  const next = sequenceFrom();
  const numbers = [5000, 5000, 5000, 4000, 5001].map((ms) => next(ms));
  expect(numbers).toEqual([5_120_000, 5_120_001, 5_120_002, 5_120_003, 5_121_024]);
  expect(sequenceFrom()(5002)).toBeGreaterThan(numbers.at(-1)!);
  expect(sequenceFrom(9e15)(5002)).toBe(9e15 + 1);
});

test("[G14] sequences stay exact integers for two centuries", () => {
  expect(Number.isSafeInteger(sequenceFrom()(Date.parse("2247-12-31T23:59:59.999Z")))).toBe(true);
});
