import { expect, test } from "vitest";
import { formatTimestamp, maxTimestamp, minTimestamp, parseTimestamp } from "./timestamp.ts";
import { seededRandom, testSeed } from "./testing/seeded-random.ts";

test.each([
  ["1970-01-01T00:00:00Z", 0],
  ["2026-11-21T09:00:01.250Z", Date.UTC(2026, 10, 21, 9, 0, 1, 250)],
  ["2026-11-21t09:00:01.25z", Date.UTC(2026, 10, 21, 9, 0, 1, 250)],
  ["2026-11-21T09:00:01.2509999+00:00", Date.UTC(2026, 10, 21, 9, 0, 1, 250)],
  ["2026-11-21T09:00:01.123456789-00:30", Date.UTC(2026, 10, 21, 9, 30, 1, 123)],
  ["2026-11-21T00:30:00+01:00", Date.UTC(2026, 10, 20, 23, 30)],
  ["2024-02-29T00:00:00Z", Date.UTC(2024, 1, 29)],
  ["2000-02-29T23:59:59.999Z", Date.UTC(2000, 1, 29, 23, 59, 59, 999)],
  ["0000-01-01T00:00:00Z", minTimestamp],
  ["9999-12-31T23:59:59.999Z", maxTimestamp],
])("[E7] %s is %d", (text, ms) => {
  expect(parseTimestamp(text)).toBe(ms);
});

test.each([
  "1900-02-29T00:00:00Z",
  "2026-02-30T00:00:00Z",
  "2026-04-31T00:00:00Z",
  "2026-11-21T09:00:60Z",
  "2026-11-21T09:60:00Z",
  "2026-11-21T25:00:00Z",
])("[E7] %s is no time, though some parsers make one of it", (text) => {
  expect(parseTimestamp(text)).toBeUndefined();
});

test.each([
  "0000-01-01T00:00:00+00:01",
  "9999-12-31T23:59:59-00:01",
  "2026-11-21T09:00:00 Z",
  "2026-11-21T09:00:00+0100",
  "２026-11-21T09:00:00Z",
  `2026-11-21T09:00:00.${"0".repeat(50)}Z`,
])("[E7] %s is refused", (text) => {
  expect(parseTimestamp(text)).toBeUndefined();
});

const seed = testSeed();
test(`[E7] every millisecond comes back from its text, as Date has it, seed ${seed}`, () => {
  const random = seededRandom(seed);
  for (let i = 0; i < 20_000; i++) {
    const ms = random.between(minTimestamp, maxTimestamp);
    expect(parseTimestamp(formatTimestamp(ms))).toBe(ms);
  }
});
