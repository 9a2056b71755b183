import { expect, test } from "vitest";
import { compareKeys, endOfPrefix } from "./key-order.ts";
import { awkwardKeys } from "#broker/awkward-keys.ts";
import { decodeTuple, encodeTuple, type TuplePart } from "./tuple-key.ts";

const ordered: readonly TuplePart[] = [
  null,
  false,
  true,
  -Infinity,
  -Number.MAX_VALUE,
  -1e21,
  -(2 ** 53),
  -1234.5,
  -2,
  -1,
  -0.5,
  -5e-324,
  0,
  5e-324,
  0.5,
  1,
  1.5,
  2,
  10,
  255,
  256,
  1_700_000_000_000,
  2 ** 53,
  Infinity,
  -(10n ** 40n),
  -1000n,
  -999n,
  -10n,
  -9n,
  -1n,
  0n,
  1n,
  9n,
  10n,
  999n,
  1000n,
  10n ** 40n,
  ...awkwardKeys,
];

test("[S16] tuples order like their parts, and come back as they were", () => {
  expect(encodeTuple([-0])).toBe(encodeTuple([0]));
  ordered.forEach((a, i) => {
    expect(decodeTuple(encodeTuple([a]))).toEqual([a]);
    ordered.forEach((b, j) => {
      expect(Math.sign(compareKeys(encodeTuple([a]), encodeTuple([b]))), `${String(a)} ${String(b)}`).toBe(Math.sign(i - j));
      expect(Math.sign(compareKeys(encodeTuple(["k", a, 1]), encodeTuple(["k", b, 0])))).toBe(i === j ? 1 : Math.sign(i - j));
      expect(decodeTuple(encodeTuple([a, b]))).toEqual([a, b]);
    });
  });
});

test("[S16] the key of the first parts is a prefix of the whole, and of no other tuple", () => {
  for (const a of ordered) {
    for (const b of ordered) {
      expect(encodeTuple([a, b, "x"]).startsWith(encodeTuple([a, b]))).toBe(true);
      expect(encodeTuple([b, "x"]).startsWith(encodeTuple([a]))).toBe(a === b);
    }
  }
});

test("[S16] random texts of low characters come back", () => {
  const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  let state = seed;
  const next = (n: number): number => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) % n;
  for (let round = 0; round < 2000; round++) {
    const text = (): string => String.fromCharCode(...Array.from({ length: next(7) }, () => next(31) % 4));
    const [a, b] = [text(), text()];
    expect(decodeTuple(encodeTuple([a, b])), `SEED=${seed}`).toEqual([a, b]);
    expect(Math.sign(compareKeys(encodeTuple([a]), encodeTuple([b]))), `SEED=${seed}`).toBe(Math.sign(compareKeys(a, b)));
  }
});

test("[S16] what has no key is refused", () => {
  const refused = expect.objectContaining({ code: "STATE_BAD_KEY" });
  for (const part of [Number.NaN, "\ud800", 10n ** 10_000n]) expect(() => encodeTuple([part])).toThrow(refused);
  for (const key of ["5abc", "3--", "410", "41000", "410003ab", "x", "3!!!!!!!!!!!"]) expect(() => decodeTuple(key), key).toThrow(refused);
});

test("[S4] the end of a prefix is above all keys with it, and below all others above it", () => {
  expect(endOfPrefix("")).toBeUndefined();
  expect(endOfPrefix("\u{10ffff}\u{10ffff}")).toBeUndefined();
  expect(endOfPrefix("a\u{10ffff}")).toBe("b");
  expect(endOfPrefix("\ud7ff")).toBe("\ue000");
  expect(endOfPrefix("\uffff")).toBe("\u{10000}");
});
