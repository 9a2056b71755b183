import { expect, test } from "vitest";
import { covers, PlaceIds } from "./place-id.ts";
import { defaultRingLimits, Ring, type RingLimits } from "./ring.ts";
import type { Began, Changes } from "./stream-request.ts";

const began: Began = { kind: "began", feed: 1, log: "log", at: [10n, 20n], unchangedSince: [8n, 20n] };
const changes = (at: readonly bigint[], rows: Readonly<Record<string, string | null>>): Changes => ({
  kind: "changes",
  at,
  rows: { keys: Object.keys(rows), texts: Object.values(rows) },
  expired: [],
  progress: { streamTime: 0, finalBefore: [] },
});

function ringOf(limits: Partial<RingLimits>, frames: readonly Changes[], everyMs = 0): Ring {
  const ring = new Ring(began, { ...defaultRingLimits, ...limits });
  for (const [i, frame] of frames.entries()) ring.push(frame, { nowMs: i * everyMs, tellsProgress: false });
  return ring;
}

test("[Q35] a reader goes on behind exactly what it was told, or where nothing has changed since", () => {
  const ring = ringOf({}, [changes([11n, 20n], { a: "1" }), changes([11n, 22n], { a: "2" })]);
  expect(ring.after([10n, 20n])).toBe(0);
  expect(ring.after([11n, 20n])).toBe(1);
  expect(ring.after([11n, 22n])).toBe(2);
  // The rows are the same as of commit 8 of the first partition; not so of the second.
  expect(ring.after([8n, 20n])).toBe(0);
  expect(ring.after([7n, 20n])).toBeUndefined();
  expect(ring.after([10n, 19n])).toBeUndefined();
  // Between two frames, beyond the last, of another number of partitions.
  expect(ring.after([11n, 21n])).toBeUndefined();
  expect(ring.after([12n, 22n])).toBeUndefined();
  expect(ring.after([11n])).toBeUndefined();
});

test("[Q42] the ring is bounded by changes, by characters and by age; the newest frame stays, however large", () => {
  const frames = Array.from({ length: 10 }, (_, i) => changes([11n + BigInt(i), 20n], { [`k${i}`]: "x".repeat(98), a: "" }));
  expect(ringOf({ changes: 6 }, frames).first).toBe(7);
  expect(ringOf({ characters: 350 }, frames).first).toBe(7);
  expect(ringOf({ ageMs: 5000 }, frames, 2000).first).toBe(7);
  expect(ringOf({ changes: 1 }, frames)).toMatchObject({ first: 9, end: 10, changeCount: 20 });
  const ring = ringOf({ changes: 6 }, frames);
  expect(ring.after(began.at)).toBeUndefined();
  expect(ring.after([17n, 20n])).toBe(7);
  expect([0, 6, 7, 8, 10].map((number) => ring.placeBefore(number))).toEqual([undefined, undefined, [17n, 20n], [18n, 20n], [20n, 20n]]);
  expect(ringOf({}, frames).placeBefore(0)).toEqual(began.at);
});

test("[Q42] a row that is told again supersedes what was told of it before; how far a reader is behind is known", () => {
  const ring = ringOf({}, [
    changes([11n, 20n], { a: "1", b: "1" }),
    changes([12n, 20n], { a: null }),
    changes([13n, 20n], { a: "33", c: "1" }),
  ]);
  const left = [0, 1, 2].map((n) =>
    ring
      .frame(n)
      .changes.filter(({ superseded }) => !superseded)
      .map(({ key }) => key),
  );
  expect(left).toEqual([["b"], [], ["a", "c"]]);
  expect([0, 1, 2, 3].map((n) => ring.behind(n))).toEqual([10, 6, 5, 0]);
});

test("[Q36] an id is read only for the log and the question that it was made for, and whole", () => {
  const ids = new PlaceIds("log", "sales");
  const place = { place: [9_007_199_254_740_993n, 0n], from: 5, to: undefined };
  const id = ids.format(place);
  expect(ids.parse(id)).toEqual(place);
  expect(id).toMatch(/^[A-Za-z0-9_.-]+$/);
  expect(new PlaceIds("other log", "sales").parse(id)).toBeUndefined();
  expect(new PlaceIds("log", "other").parse(id)).toBeUndefined();
  for (const other of ["", ".", id.slice(1), id.slice(0, -1), `${id}x`, id.replace(".", ""), "x".repeat(10_000), id.toLowerCase()])
    expect(ids.parse(other)).toBeUndefined();
});

test("[Q36] places are compared partition by partition", () => {
  expect(covers([2n, 2n], [1n, 2n])).toBe(true);
  expect(covers([2n, 1n], [1n, 2n])).toBe(false);
});
