import { expect, test } from "vitest";
import type { QueryColumn } from "#topology/plan/query-plan.ts";
import { testSeed, seededRandom } from "#schemas/testing/seeded-random.ts";
import { HighestRows } from "./highest-rows.ts";

const columns: readonly QueryColumn[] = [
  { name: "n", type: "int", nullable: true },
  { name: "amount", type: "decimal", nullable: true },
  { name: "text", type: "string", nullable: true },
];

const start = { windowStart: -1, key: "", rows: 1 };

function ordered(column: string, cells: readonly unknown[], { descending = false, limit = 100 } = {}): readonly unknown[] {
  const highest = new HighestRows(columns, { column, descending }, limit);
  for (const [i, cell] of cells.entries()) highest.add({ [column]: cell, i }, undefined, start);
  return highest.sorted().map(({ row }) => row[column]);
}

test("[Q7] decimals are compared exactly, whatever their number of digits and places", () => {
  const cells = [
    "10.00",
    "9.99",
    "-0.0001",
    "123456789012345678901234567890.0002",
    "123456789012345678901234567890.0001",
    "-10.50",
    "0.00",
  ];
  expect(ordered("amount", cells)).toEqual([
    "-10.50",
    "-0.0001",
    "0.00",
    "9.99",
    "10.00",
    "123456789012345678901234567890.0001",
    "123456789012345678901234567890.0002",
  ]);
});

test("[Q7] null comes last, either way; text goes by code point; bigints and numbers meet", () => {
  expect(ordered("n", [3, null, 10n, -1])).toEqual([-1, 3, 10n, null]);
  expect(ordered("n", [3, null, 10n, -1], { descending: true })).toEqual([10n, 3, -1, null]);
  expect(ordered("text", ["\u{1F600}", "b", "\uFF5E", "a", "B"])).toEqual(["B", "a", "b", "\uFF5E", "\u{1F600}"]);
});

test("[Q7] rows that are alike keep their order, and what is kept is what sorting all of them gives", () => {
  const seed = testSeed();
  const random = seededRandom(seed);
  const cells = Array.from({ length: 5000 }, () => random.between(0, 200));
  for (const descending of [true, false]) {
    const highest = new HighestRows(columns, { column: "n", descending }, 37);
    for (const [i, n] of cells.entries()) highest.add({ n, i }, undefined, start);
    const all = cells.map((n, i) => ({ n, i })).toSorted((a, b) => (descending ? b.n - a.n : a.n - b.n));
    expect([seed, highest.sorted().map(({ row }) => row)]).toEqual([seed, all.slice(0, 37)]);
  }
});
