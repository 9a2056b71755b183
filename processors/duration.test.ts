import { expect, test } from "vitest";
import { duration, formatDuration } from "./duration.ts";

test("[PR2] a span of time is a whole number above 0 with its unit", () => {
  expect(["250ms", "30s", "60m", "1h", "7d"].map((text) => duration.parse(text))).toEqual([250, 30_000, 3_600_000, 3_600_000, 604_800_000]);
});

test("[PR2] any other text is no span of time", () => {
  for (const text of ["", "0s", "1", "h", "1.5h", "-1h", "1 h", "1h30m", "01h", "1w", "1H", "999999999d", 60]) {
    expect(duration.safeParse(text).success, String(text)).toBe(false);
  }
});

test("[PR2] a span is written in the largest unit that divides it", () => {
  expect([1, 1_500, 5_400_000, 3_600_000, 172_800_000].map(formatDuration)).toEqual(["1ms", "1500ms", "90m", "1h", "2d"]);
});
