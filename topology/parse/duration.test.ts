import { expect, test } from "vitest";
import { formatDuration, parseDuration } from "./duration.ts";

test.each([
  ["250ms", 250],
  ["30s", 30_000],
  ["1m", 60_000],
  ["24h", 86_400_000],
  ["400d", 34_560_000_000],
  ["1h30m", 5_400_000],
  ["1d2h3m4s5ms", 93_784_005],
])("[Y2] %s is %d ms, and is written so", (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
  expect(parseDuration(formatDuration(ms))).toBe(ms);
});

test.each(["", "1", "1 day", "1day", "-1s", "1.5h", "30s1m", "1w", "0s", "99999999999999d"])("[Y2] %j is no duration", (text) => {
  expect(parseDuration(text)).toBe(undefined);
});

test("[Y2] nothing may be a duration where it is allowed", () => {
  expect(parseDuration("0s", 0)).toBe(0);
  expect(formatDuration(0)).toBe("0s");
});
