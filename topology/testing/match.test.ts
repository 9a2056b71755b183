import { describe, expect, test } from "vitest";
import { compare, differenceLine } from "./match.ts";

const differences = (expected: unknown, actual: unknown): readonly string[] => compare(expected, actual).map(differenceLine);

describe("[Y18] what is expected", () => {
  test("of a map is compared field by field, and no more than is said", () => {
    expect(differences({ a: 1, b: { c: "x" } }, { a: 1, b: { c: "x", d: 2 }, e: 3 })).toEqual([]);
    expect(differences({ a: 1, b: { c: "x" } }, { a: 2, b: { c: "y" } })).toEqual([
      "a: expected 1, and there is 2",
      `b.c: expected "x", and there is "y"`,
    ]);
    expect(differences({ revenu: 1 }, { revenue: 1 })).toEqual([`revenu: expected 1, and there is no such field; did you mean "revenue"?`]);
    expect(differences({ gone: null }, {})).toEqual([]);
  });

  test("of a list is compared whole", () => {
    expect(differences([{ a: 1 }], [{ a: 1 }, { a: 2 }])).toEqual([`[1]: not expected: {"a":2}`]);
    expect(differences([{ a: 1 }, { a: 2 }], [{ a: 1 }])).toEqual([`[1]: expected {"a":2}, and there is none`]);
    expect(differences([], undefined)).toEqual(["expected [], and there is nothing"]);
  });

  test("of a list with members too few or too many names those, not all behind them", () => {
    const rows = ["a", "b", "c", "d"].map((sku, units) => ({ sku, units }));
    expect(differences(rows.slice(1), rows)).toEqual([`[0]: not expected: {"sku":"a","units":0}`]);
    expect(differences(rows, rows.toSpliced(1, 1))).toEqual([`[1]: expected {"sku":"b","units":1}, and there is none`]);
    // What stands between two that match is compared by its place.
    expect(differences(rows, [rows[0], { sku: "b", units: 7 }, rows[2]])).toEqual([
      "[1].units: expected 1, and there is 7",
      `[3]: expected {"sku":"d","units":3}, and there is none`,
    ]);
  });

  test("of an amount is the number, however it is written", () => {
    expect(differences(["3", 3, "3.0", 3.1], ["3.00", "3.00", 3, "3.10"])).toEqual([]);
    expect(differences({ total: "2.5" }, { total: { amount: "2.50", currency: "GBP" } })).toEqual([]);
    expect(differences({ total: "2.5" }, { total: { amount: "2.51", currency: "GBP" } })).toEqual([
      `total: expected "2.5", and there is "2.51"`,
    ]);
    expect(differences(["01", true, "x"], ["1", "true", "X"])).toHaveLength(3);
  });
});
