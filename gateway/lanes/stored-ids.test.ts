import { expect, test } from "vitest";
import { idHash } from "./id-hash.ts";
import { StoredIds } from "./stored-ids.ts";

const hash = idHash(7);

test("[G8] each of many ids is found at its own place, with sources kept apart, however large the table grows", () => {
  const ids = new StoredIds();
  const count = 20_000;
  for (let i = 0; i < count; i++) {
    const eventId = `e-${i}`;
    ids.set({ source: i % 2 === 0 ? "shop" : "app", eventId }, hash(eventId), { prefix: `t:${i % 3}:`, offset: i, receivedAtMs: i * 10 });
  }
  expect(ids.size).toBe(count);
  for (let i = 0; i < count; i++) {
    const eventId = `e-${i}`;
    const [own, other] = i % 2 === 0 ? ["shop", "app"] : ["app", "shop"];
    expect(ids.get({ source: own!, eventId }, hash(eventId))).toEqual({ prefix: `t:${i % 3}:`, offset: i, receivedAtMs: i * 10 });
    expect(ids.get({ source: other!, eventId }, hash(eventId))).toBeUndefined();
  }
});

test("[G8] ids of one hash are told apart by their text, whatever its characters", () => {
  const ids = new StoredIds();
  const names = ["a", "b", "ab", "ba", "", "é", "\u{1f600}", "a\u0000"];
  for (const [i, eventId] of names.entries()) ids.set({ source: "shop", eventId }, 42, { prefix: "t:0:", offset: i, receivedAtMs: 0 });
  for (const [i, eventId] of names.entries()) expect(ids.get({ source: "shop", eventId }, 42)?.offset, eventId).toBe(i);
  expect(ids.get({ source: "shop", eventId: "c" }, 42)).toBeUndefined();
});

test("[G8] an id stored again lies where it was stored last; an offset that no number holds is kept whole", () => {
  const ids = new StoredIds();
  const name = { source: "shop", eventId: "a" };
  ids.set(name, 1, { prefix: "t:0:", offset: 1, receivedAtMs: 0 });
  ids.set(name, 1, { prefix: "t:1:", offset: 2n ** 90n, receivedAtMs: 5 });
  expect(ids.get(name, 1)).toEqual({ prefix: "t:1:", offset: 2n ** 90n, receivedAtMs: 5 });
});

test("[G9] ids made to meet in one place are forgotten, instead of making every look-up slow", () => {
  const ids = new StoredIds();
  for (let i = 0; i < 1000; i++) ids.set({ source: "shop", eventId: `x${i}` }, 42, { prefix: "t:0:", offset: i, receivedAtMs: 0 });
  expect(ids.size).toBe(128);
  expect(ids.get({ source: "shop", eventId: "x127" }, 42)).toMatchObject({ offset: 127 });
  expect(ids.get({ source: "shop", eventId: "x128" }, 42)).toBeUndefined();
});

test("[G9] ids that differ a little spread over all hashes", () => {
  const buckets = new Set(
    Array.from({ length: 10_000 }, (_, i) => hash(`01938b2e-7c00-7000-8000-${String(i).padStart(12, "0")}`) & 0xffff),
  );
  // Thrown at random, 10,000 leave about 9,280 of 65,536 different.
  expect(buckets.size).toBeGreaterThan(9_100);
});
