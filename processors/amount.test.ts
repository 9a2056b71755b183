import { expect, test } from "vitest";
import { amount } from "./amount.ts";

test("[PR2] an amount is taken exactly, from text or number", () => {
  expect(["500", 500, "12.5", 0.1, "0.0001", "0"].map((written) => amount.parse(written))).toEqual([
    5_000_000n,
    5_000_000n,
    125_000n,
    1_000n,
    1n,
    0n,
  ]);
});

test("[PR2] what is below zero, finer than four places or no decimal is refused", () => {
  for (const written of ["-1", -1, "0.00001", 1e-7, "1e3", "", "12,50", "500 GBP", Number.NaN, null, true]) {
    expect(amount.safeParse(written).success, String(written)).toBe(false);
  }
});
