import { expect, test } from "vitest";
import { WaitingList } from "./waiting-list.ts";

test("[G16] what waits is there in order of coming, and each can leave at any time", () => {
  const list = new WaitingList<number>();
  const places = [1, 2, 3, 4, 5].map((value) => list.add(value));
  for (const i of [2, 0, 4]) list.remove(places[i]!);
  expect([...list]).toEqual([2, 4]);
  list.add(6);
  expect([list.size, ...list]).toEqual([3, 2, 4, 6]);
  let left = 0;
  for (const value of list) if (value === 2) list.remove(places[1]!);
  for (const _ of list) left += 1;
  expect(left).toBe(2);
  list.remove(places[3]!);
  expect([...list]).toEqual([6]);
});
