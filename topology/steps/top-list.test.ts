import { expect, test } from "vitest";
import { seededRandom } from "../testing/seeded-random.ts";
import { placeRow } from "./top-list.ts";

type Row = { readonly member: string; readonly value: number };

const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);

test(`[Y11] the list is the best of all rows after every change, rising and falling (SEED=${seed})`, () => {
  const next = seededRandom(seed);
  const compare = (a: unknown, b: unknown): number => {
    const [x, y] = [a as Row, b as Row];
    return y.value - x.value || (x.member < y.member ? -1 : x.member > y.member ? 1 : 0);
  };
  const memberOf = (row: unknown): string => (row as Row).member;
  for (let round = 0; round < 200; round++) {
    const limit = 1 + next(5);
    const rows = new Map<string, Row>();
    let listed: readonly unknown[] = [];
    for (let change = 0; change < 60; change++) {
      const row = { member: `m${next(9)}`, value: next(12) };
      rows.set(row.member, row);
      listed = placeRow(listed, row, { limit, compare, memberOf, all: () => [...rows.values()] });
      expect(listed).toEqual([...rows.values()].sort(compare).slice(0, limit));
    }
  }
});

test("[Y11] rows that only rise never ask for all of them", () => {
  const compare = (a: unknown, b: unknown): number => (b as Row).value - (a as Row).value;
  const all = (): unknown[] => {
    throw new Error("asked");
  };
  let listed: readonly unknown[] = [];
  for (let i = 0; i < 100; i++) {
    listed = placeRow(listed, { member: `m${i % 7}`, value: i }, { limit: 3, compare, memberOf: (row) => (row as Row).member, all });
  }
  expect(listed.map((row) => (row as Row).value)).toEqual([99, 98, 97]);
});
