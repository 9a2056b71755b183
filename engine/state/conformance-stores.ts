import { expect, test } from "vitest";
import { awkwardKeys } from "#broker/awkward-keys.ts";
import { benchSpecs, keysOf, type StateBench, valueOf } from "./state-bench.ts";
import type { Value } from "./state-harness.ts";
import { windowStore } from "./store.ts";

/** What stores answer, wherever their entries lie. */
export function storeLaws(bench: StateBench): void {
  /** Uncommitted, committed, read back from the tail, folded, read back from the base. */
  const atEachDepth = async (check: () => void): Promise<void> => {
    check();
    for (const step of ["commit", "restart", "foldAway", "restart"] as const) {
      await bench[step]();
      check();
    }
  };

  test("[S1] a read sees every put before it, committed or not", async () => {
    expect(bench.totals.get("a")).toBeUndefined();
    bench.totals.put("a", valueOf(1));
    expect(bench.totals.get("a")).toEqual(valueOf(1));
    await bench.commit();
    bench.totals.put("a", valueOf(2));
    expect(bench.totals.get("a")).toEqual(valueOf(2));
    expect([...bench.totals.range()]).toEqual([["a", valueOf(2)]]);
    const kept = bench.totals.get("a");
    expect(bench.totals.get("a"), "what get returns is the live value").toBe(kept);
  });

  test("[S1] a value of no bytes is a value", async () => {
    const stores = { ...benchSpecs, seen: windowStore<true>({ encode: () => new Uint8Array(0), decode: () => true }) };
    bench.open(stores);
    bench.state.window<true>("seen").put("a", 0, true);
    await bench.commit();
    await bench.foldAway();
    await bench.restart(stores);
    expect(bench.state.window<true>("seen").get("a", 0)).toBe(true);
    expect([...bench.state.window<true>("seen").range(0, 1)]).toEqual([[0, "a", true]]);
  });

  test("[S2] a deleted key is gone from memory and base, and may come back", async () => {
    bench.totals.put("a", valueOf(1));
    bench.totals.put("b", valueOf(2));
    await bench.commit();
    await bench.foldAway();
    bench.totals.delete("a");
    bench.totals.delete("never there");
    expect(bench.totals.get("a")).toBeUndefined();
    expect(keysOf(bench.totals.range())).toEqual(["b"]);
    await bench.commit();
    await bench.restart();
    expect(bench.totals.get("a")).toBeUndefined();
    await bench.foldAway();
    await bench.restart();
    expect(bench.totals.get("a")).toBeUndefined();
    expect(keysOf(bench.totals.range())).toEqual(["b"]);
    bench.totals.put("a", valueOf(3));
    await bench.commit();
    await bench.restart();
    expect(bench.totals.get("a")).toEqual(valueOf(3));
  });

  test("[S4] ranges and prefixes give memory, tail and base as one, in code point order", async () => {
    const keys = awkwardKeys;
    keys.forEach((key, i) => {
      if (i % 3 === 0) bench.totals.put(key, valueOf(i));
      if (i % 3 === 1) bench.totals.put(key, valueOf(-1));
    });
    await bench.commit();
    await bench.foldAway();
    keys.forEach((key, i) => i % 3 === 1 && bench.totals.put(key, valueOf(i)));
    await bench.commit();
    keys.forEach((key, i) => i % 3 === 2 && bench.totals.put(key, valueOf(i)));
    const all = keys.map((key, i) => [key, valueOf(i)] as const);
    const check = (): void => {
      expect([...bench.totals.range()]).toEqual(all);
      for (const from of keys) {
        const fromBytes = Buffer.from(from);
        expect(keysOf(bench.totals.range(from))).toEqual(keys.filter((key) => Buffer.compare(Buffer.from(key), fromBytes) >= 0));
        for (const to of keys) {
          const toBytes = Buffer.from(to);
          const wanted = keys.filter(
            (key) => Buffer.compare(Buffer.from(key), fromBytes) >= 0 && Buffer.compare(Buffer.from(key), toBytes) < 0,
          );
          expect(keysOf(bench.totals.range(from, to))).toEqual(wanted);
        }
        expect(keysOf(bench.totals.prefix(from))).toEqual(keys.filter((key) => key.startsWith(from)));
      }
    };
    check();
    await bench.commit();
    await bench.foldAway();
    check();
    await bench.restart();
    check();
    for (const key of keys) bench.totals.delete(key);
    expect([...bench.totals.range()]).toEqual([]);
    await bench.commit();
    expect([...bench.totals.range()]).toEqual([]);
    await bench.foldAway();
    expect([...bench.totals.range()]).toEqual([]);
  });

  test("[S5] a range that is read while its store changes keeps its order, and gives each key that did not change once", async () => {
    const keys = Array.from({ length: 100 }, (_, i) => `k${String(i).padStart(3, "0")}`);
    for (const key of keys) bench.totals.put(key, valueOf(1));
    await bench.commit();
    await bench.foldAway();
    for (const key of keys.filter((_, i) => i % 2 === 0)) bench.totals.put(key, valueOf(2));
    await bench.commit();
    for (const key of keys.filter((_, i) => i % 5 === 3)) bench.totals.delete(key);
    await bench.commit();
    const given: (readonly [string, Value])[] = [];
    for (const [key, found] of bench.totals.range()) {
      given.push([key, found]);
      bench.totals.put(key, valueOf(3));
      if (!key.endsWith("!")) bench.totals.put(`${key}!`, valueOf(3));
      bench.totals.put(`a${key}`, valueOf(3));
      if (given.length % 3 === 0) await bench.commit();
      bench.state.fold(5);
      bench.totals.get(keys[(given.length * 7) % 100]!);
    }
    const givenKeys = keysOf(given);
    expect(givenKeys).toEqual(givenKeys.toSorted());
    expect(new Set(givenKeys).size).toBe(givenKeys.length);
    const unchanged = keys.map((key, i) => [key, valueOf(i % 2 === 0 ? 2 : 1)] as const).filter((_, i) => i % 5 !== 3);
    expect(given.filter(([key]) => keys.includes(key))).toEqual(unchanged);
  });

  test("[S7] windows are read by start, then key, wherever they lie", async () => {
    const put = (start: number, key: string): void => bench.perMinute.put(key, start, valueOf(start, key));
    for (const start of [120_000, 0, 60_000, 2 ** 33 * 1000]) for (const key of ["b", "a", "😀", "\ue000"]) put(start, key);
    await bench.commit();
    await bench.foldAway();
    put(60_000, "aa");
    await bench.commit();
    put(180_000, "a");
    bench.perMinute.delete("b", 0);
    bench.perMinute.delete("b", 240_000);
    const check = (): void => {
      expect(Array.from(bench.perMinute.range(0, Infinity), ([start, key]) => [start, key])).toEqual([
        ...[0, 60_000, 120_000].flatMap((start) =>
          ["a", ...(start === 60_000 ? ["aa"] : []), ...(start > 0 ? ["b"] : []), "\ue000", "😀"].map((key) => [start, key]),
        ),
        [180_000, "a"],
        ...["a", "b", "\ue000", "😀"].map((key) => [2 ** 33 * 1000, key]),
      ]);
      expect(Array.from(bench.perMinute.range(60_000, 180_000), ([start]) => start)).toEqual([
        ...Array(5).fill(60_000),
        ...Array(4).fill(120_000),
      ]);
      expect(Array.from(bench.perMinute.range(59_999.5, 60_000.5), ([, key]) => key)).toEqual(["a", "aa", "b", "\ue000", "😀"]);
      expect(Array.from(bench.perMinute.range(60_000, 120_001, "b"), ([start, key]) => [start, key])).toEqual([
        ...["b", "\ue000", "😀"].map((key) => [60_000, key]),
        ...["a", "b", "\ue000", "😀"].map((key) => [120_000, key]),
      ]);
      expect(Array.from(bench.perMinute.range(59_999, 60_001, "b"), ([, key]) => key)).toEqual(["a", "aa", "b", "\ue000", "😀"]);
      expect([...bench.perMinute.windowsOf("a", 0, 180_000)]).toEqual([0, 60_000, 120_000].map((start) => [start, valueOf(start, "a")]));
      expect([...bench.perMinute.windowsOf("b", -1, Infinity)].map(([start]) => start)).toEqual([60_000, 120_000, 2 ** 33 * 1000]);
      expect(bench.perMinute.get("b", 0)).toBeUndefined();
      expect(bench.perMinute.get("a", 30_000)).toBeUndefined();
      expect(bench.perMinute.get("😀", 120_000)).toEqual(valueOf(120_000, "😀"));
    };
    await atEachDepth(check);
  });

  test.each(["uncommitted", "committed", "folded"])("[S8] an expired window is gone, %s or not, and does not come back", async (depth) => {
    for (const start of [0, 60_000, 120_000]) for (const key of ["a", "b"]) bench.perMinute.put(key, start, valueOf(start, key));
    if (depth !== "uncommitted") await bench.commit();
    if (depth === "folded") await bench.foldAway();
    bench.perMinute.expire(120_000);
    bench.perMinute.expire(60_000);
    const check = (): void => {
      expect(Array.from(bench.perMinute.range(0, Infinity), ([start, key]) => [start, key])).toEqual([
        [120_000, "a"],
        [120_000, "b"],
      ]);
      expect([...bench.perMinute.windowsOf("a", 0, Infinity)]).toEqual([[120_000, valueOf(120_000, "a")]]);
      expect(bench.perMinute.get("a", 60_000)).toBeUndefined();
      bench.perMinute.put("late", 60_000, valueOf(1));
      expect(bench.perMinute.get("late", 60_000)).toBeUndefined();
    };
    await atEachDepth(check);
  });

  test("[S16] a key must be well-formed text, a window start a whole number from 0", () => {
    const refused = expect.objectContaining({ code: "STATE_BAD_KEY" });
    expect(() => bench.totals.put("\ud800", valueOf(1))).toThrow(refused);
    for (const start of [-1, 0.5, Number.NaN, Infinity, 2 ** 53])
      expect(() => bench.perMinute.put("a", start, valueOf(1))).toThrow(refused);
    expect(bench.state.dirtyCount).toBe(0);
  });
}
