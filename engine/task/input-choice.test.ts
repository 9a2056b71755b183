import { expect, test } from "vitest";
import { InputReadiness } from "./input-choice.ts";
import type { InputQueue } from "./input-queue.ts";

/** What readiness looks at: records at hand, and whether the log is known to hold more. */
const input = (buffered: number, more?: boolean): InputQueue => ({ buffered, more }) as InputQueue;
const full = input(1, false);
const empty = input(0, false);
const lagging = input(0, true);
const unasked = input(0);

test("[T7] with records of every input at hand a task may go on; an input that lags, or was not asked for, is waited for", () => {
  const readiness = new InputReadiness(0);
  expect(readiness.ready([full, full], 0)).toBe(true);
  expect(readiness.ready([full, empty], 0)).toBe(true);
  expect(readiness.ready([full, lagging], 1e9)).toBe(false);
  expect(readiness.ready([full, unasked], 1e9)).toBe(false);
  expect(readiness.waitMs([full, lagging], 1e9)).toBe(0);
  expect(new InputReadiness(-1).ready([full, lagging], 0)).toBe(true);
});

test("[T7] an empty input is waited for as long as was said, each by itself", () => {
  const readiness = new InputReadiness(20);
  expect(readiness.ready([full, empty], 100)).toBe(false);
  expect(readiness.waitMs([full, empty], 105)).toBe(15);
  expect(readiness.ready([full, empty], 119)).toBe(false);
  expect(readiness.ready([full, empty], 120)).toBe(true);
  // The second has been empty for long when the first is taken to its end, and something of the second comes: the first is waited for.
  expect(readiness.ready([full, empty], 5000)).toBe(true);
  expect(readiness.ready([empty, full], 5001)).toBe(false);
  expect(readiness.waitMs([empty, full], 5011)).toBe(10);
  expect(readiness.ready([empty, full], 5021)).toBe(true);
  expect(readiness.ready([full, empty], 5022)).toBe(false);
});

test("[T7] a clock that is set back makes nobody wait", () => {
  const readiness = new InputReadiness(20);
  expect(readiness.ready([full, empty], 1_000_000)).toBe(false);
  expect(readiness.waitMs([full, empty], 10)).toBeLessThanOrEqual(0);
  expect(readiness.ready([full, empty], 10)).toBe(true);
});
