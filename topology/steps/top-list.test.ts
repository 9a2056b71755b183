import { expect, test } from "vitest";
import { seededRandom } from "../testing/seeded-random.ts";
import { placeRow, type Ranked } from "./top-list.ts";

const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
const valueOf = ({ row }: Ranked): number => row as number;
const compare = (a: Ranked, b: Ranked): number => valueOf(b) - valueOf(a) || (a.member < b.member ? -1 : a.member > b.member ? 1 : 0);

test(`[Y11] the list is the best of all rows after every change, rising and falling (SEED=${seed})`, () => {
  const next = seededRandom(seed);
  for (let round = 0; round < 200; round++) {
    const limit = 1 + next(5);
    const rows = new Map<string, Ranked>();
    let listed: readonly Ranked[] = [];
    for (let change = 0; change < 60; change++) {
      const one: Ranked = { member: `m${next(9)}`, row: next(12) };
      rows.set(one.member, one);
      listed = placeRow(listed, one, { limit, compare, all: () => [...rows.values()] });
      expect(listed).toEqual([...rows.values()].sort(compare).slice(0, limit));
    }
  }
});

test("[Y11] rows that only rise never ask for all of them", () => {
  const all = (): Ranked[] => {
    throw new Error("asked");
  };
  let listed: readonly Ranked[] = [];
  for (let i = 0; i < 100; i++) listed = placeRow(listed, { member: `m${i % 7}`, row: i }, { limit: 3, compare, all });
  expect(listed.map(valueOf)).toEqual([99, 98, 97]);
});

test("[Y11] a row that is not good enough leaves the list as it is", () => {
  const listed: readonly Ranked[] = [
    { member: "a", row: 9 },
    { member: "b", row: 8 },
  ];
  expect(placeRow(listed, { member: "c", row: 7 }, { limit: 2, compare, all: () => [] })).toBe(listed);
});
