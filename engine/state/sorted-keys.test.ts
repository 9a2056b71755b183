import { expect, test } from "vitest";
import { SortedKeys } from "./sorted-keys.ts";
import { awkwardKeys } from "#broker/awkward-keys.ts";

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

test("[S4] keys that come and go in any order stay in code point order", () => {
  const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  let state = seed;
  const next = (n: number): number => ((state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) >>> 4) % n;
  const model = new Set<string>(Array.from({ length: 500 }, () => `k${next(5000)}`));
  const keys = new SortedKeys(model);
  const read = (from: string): string[] => {
    const found: string[] = [];
    const cursor = keys.cursor(from);
    for (let key = cursor.peek(); key !== undefined; key = cursor.peek()) {
      found.push(key);
      cursor.pass(key);
    }
    return found;
  };
  for (let round = 0; round < 20_000; round++) {
    const key = round > 10_000 && next(10) === 0 ? awkwardKeys[next(awkwardKeys.length)]! : `k${next(5000)}`;
    if (next(3) === 0) {
      keys.delete(key);
      model.delete(key);
    } else {
      keys.add(key);
      model.add(key);
    }
    if (round % 997 === 0) expect(read(key), `SEED=${seed}`).toEqual([...model].filter((other) => byBytes(other, key) >= 0).sort(byBytes));
  }
  for (const key of model) keys.delete(key);
  expect(read("")).toEqual([]);
});
