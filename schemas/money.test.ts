import { describe, expect, test } from "vitest";
import { formatAmount, formatDecimal, isCurrency, parseAmount, parseDecimal } from "./money.ts";
import { seededRandom, testSeed } from "./testing/seeded-random.ts";

describe("amounts", () => {
  test.each([
    ["0", 0n, "0.00"],
    ["0.00", 0n, "0.00"],
    ["49.9", 499_000n, "49.90"],
    ["49.90", 499_000n, "49.90"],
    ["0.001", 10n, "0.001"],
    ["0.0001", 1n, "0.0001"],
    ["-3", -30_000n, "-3.00"],
    ["-0.0100", -100n, "-0.01"],
    ["99999999999999.9999", 999_999_999_999_999_999n, "99999999999999.9999"],
    ["-99999999999999.9999", -999_999_999_999_999_999n, "-99999999999999.9999"],
    ["12345678901234.5", 123_456_789_012_345_000n, "12345678901234.50"],
    ["0.1234", 1234n, "0.1234"],
  ])("[E5] %s is %s in 1/10,000, and [E6] is written %s", (text, amount, canonical) => {
    expect(parseAmount(text)).toBe(amount);
    expect(formatAmount(amount)).toBe(canonical);
  });

  test.each([
    [49.9, 499_000n],
    [0.001, 10n],
    [0, 0n],
    [-2.5, -25_000n],
    [1e3, 10_000_000n],
    [12_345_678_901.2345, 123_456_789_012_345n],
  ])("[E5] the number %d is read by its shortest text", (json, amount) => {
    expect(parseAmount(json)).toBe(amount);
  });

  test.each([
    ["", "not-a-decimal"],
    ["-", "not-a-decimal"],
    ["1e3", "not-a-decimal"],
    ["01", "not-a-decimal"],
    ["-01.5", "not-a-decimal"],
    ["00", "not-a-decimal"],
    ["1.", "not-a-decimal"],
    [".1", "not-a-decimal"],
    ["-0", "negative-zero"],
    ["-0.000", "negative-zero"],
    ["0.00001", "too-many-places"],
    ["1.00000", "too-many-places"],
    ["100000000000000", "too-many-digits"],
    ["9".repeat(400), "too-many-digits"],
    [-0, "negative-zero"],
    [1e-7, "not-a-decimal"],
    [1e21, "not-a-decimal"],
    [Infinity, "not-a-decimal"],
    [Number.NaN, "not-a-decimal"],
    [0.1 + 0.2, "too-many-places"],
  ])("[E5] %j is refused: %s", (json, fault) => {
    expect(parseAmount(json)).toBe(fault);
  });

  const seed = testSeed();
  test(`[E6] every amount comes back from its text, seed ${seed}`, () => {
    const random = seededRandom(seed);
    for (let i = 0; i < 5000; i++) {
      const digits = Array.from({ length: random.between(1, 18) }, () => random.between(0, 9)).join("");
      const amount = BigInt(digits) * (random.chance(0.5) ? 1n : -1n);
      const text = formatAmount(amount);
      expect(parseAmount(text)).toBe(amount);
      expect(text).toMatch(/^-?\d+\.\d\d(\d?[1-9])?$/);
    }
  });

  test("[E6] decimals of other scales keep at least two places, those without places none", () => {
    expect(formatDecimal(5n, 0)).toBe("5");
    expect(formatDecimal(5n, 1)).toBe("0.50");
    expect(formatDecimal(-1_234_567n, 6)).toBe("-1.234567");
    expect(parseDecimal("5", 0)).toBe(5n);
    expect(parseDecimal("5.0", 0)).toBe("too-many-places");
    expect(parseDecimal("0.000001", 6)).toBe(1n);
  });
});

test.each([
  ["EUR", true],
  ["GBP", true],
  ["JPY", true],
  ["eur", false],
  ["XXQ", false],
  ["", false],
  ["EURO", false],
])("[E5] %s is a currency: %s", (code, known) => {
  expect(isCurrency(code)).toBe(known);
});
