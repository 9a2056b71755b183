import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type StoreDelta, taskId } from "#broker/broker.ts";
import { DeltaReader, deltaOps } from "#broker/store-delta.ts";
import { type RandomWork, testRandomState } from "./random-state.ts";
import { awkwardKeys } from "#broker/awkward-keys.ts";
import { reusingCodec, type StateGround, type StateHarness, tightLimits, type Value } from "./state-harness.ts";
import { type KeyValueStore, keyValueStore, type StoreSpec, type WindowStore, windowStore } from "./store.ts";
import type { TaskState, TaskStateLimits } from "./task-state.ts";

const value = (n: number, text = `value ${n}`): Value => ({ n, text });
const specs = { totals: keyValueStore(reusingCodec()), perMinute: windowStore(reusingCodec()) };
const task = taskId("orders", 3);

/** The laws of state (docs: S1–S16), asked of every storage. */
export function testStateStorage(name: string, harness: StateHarness, random?: RandomWork): void {
  describe(`state: ${name}`, () => {
    let ground: StateGround;
    let state: TaskState;
    let totals: KeyValueStore<Value>;
    let perMinute: WindowStore<Value>;
    let number: bigint;

    const open = (stores: Readonly<Record<string, StoreSpec>> = specs): void => {
      state = ground.storage.open(task, stores);
      if ("totals" in stores) totals = state.keyValue("totals");
      if ("perMinute" in stores) perMinute = state.window("perMinute");
    };
    const use = async (limits: Partial<TaskStateLimits>): Promise<void> => {
      ground = await harness(limits);
      number = 0n;
      open();
    };
    const commit = async (): Promise<readonly StoreDelta[]> => {
      const changes = state.takeChanges();
      number += 1n;
      await ground.commit(task, number, changes);
      state.committed(number);
      return changes;
    };
    const restart = async (stores?: Readonly<Record<string, StoreSpec>>): Promise<void> => {
      await ground.restart();
      open(stores);
    };
    /** Commits enough other keys for all that was committed before to be in the base, and out of memory. */
    const foldAway = async (): Promise<void> => {
      for (let round = 0; round < 4; round++) {
        for (let i = 0; i < 10; i++) totals.put(`~filler ${i}`, value(round));
        await commit();
        while (state.fold(3) > 0);
      }
      for (let i = 0; i < 10; i++) totals.delete(`~filler ${i}`);
      for (let round = 0; round < 3; round++) {
        for (let i = 0; i < 10; i++) totals.delete(`~filler ${i}`);
        await commit();
        while (state.fold(3) > 0);
      }
    };
    const keysOf = (entries: Iterable<readonly [string, Value]>): string[] => Array.from(entries, ([key]) => key);

    // A ground may be a process, or a member of a group, that starts and ends.
    beforeEach(() => use(tightLimits), 30_000);
    afterEach(() => ground.close(), 30_000);

    test("[S1] a read sees every put before it, committed or not", async () => {
      expect(totals.get("a")).toBeUndefined();
      totals.put("a", value(1));
      expect(totals.get("a")).toEqual(value(1));
      await commit();
      totals.put("a", value(2));
      expect(totals.get("a")).toEqual(value(2));
      expect([...totals.range()]).toEqual([["a", value(2)]]);
      const kept = totals.get("a");
      expect(totals.get("a"), "what get returns is the live value").toBe(kept);
    });

    test("[S1] a value of no bytes is a value", async () => {
      const stores = { ...specs, seen: windowStore<true>({ encode: () => new Uint8Array(0), decode: () => true }) };
      open(stores);
      state.window<true>("seen").put("a", 0, true);
      await commit();
      await foldAway();
      await restart(stores);
      expect(state.window<true>("seen").get("a", 0)).toBe(true);
      expect([...state.window<true>("seen").range(0, 1)]).toEqual([[0, "a", true]]);
    });

    test("[S2] a deleted key is gone from memory and base, and may come back", async () => {
      totals.put("a", value(1));
      totals.put("b", value(2));
      await commit();
      await foldAway();
      totals.delete("a");
      totals.delete("never there");
      expect(totals.get("a")).toBeUndefined();
      expect(keysOf(totals.range())).toEqual(["b"]);
      await commit();
      await restart();
      expect(totals.get("a")).toBeUndefined();
      await foldAway();
      await restart();
      expect(totals.get("a")).toBeUndefined();
      expect(keysOf(totals.range())).toEqual(["b"]);
      totals.put("a", value(3));
      await commit();
      await restart();
      expect(totals.get("a")).toEqual(value(3));
    });

    test("[S3] what was not committed is gone when the task is opened again; what was is there", async () => {
      totals.put("a", value(1));
      perMinute.put("a", 60_000, value(1));
      await commit();
      await foldAway();
      totals.put("a", value(2));
      totals.put("b", value(2));
      perMinute.put("a", 60_000, value(2));
      perMinute.expire(120_000);
      state.close();
      open();
      expect(totals.get("a")).toEqual(value(1));
      expect(totals.get("b")).toBeUndefined();
      expect(perMinute.get("a", 60_000)).toEqual(value(1));
      totals.put("b", value(3));
      state.takeChanges();
      open();
      expect(totals.get("b"), "taken is not committed").toBeUndefined();
      totals.put("b", value(4));
      await ground.commit(task, ++number, state.takeChanges());
      await restart();
      expect(totals.get("b"), "the commit's answer was lost, the commit was not").toEqual(value(4));
    });

    test("[S4] ranges and prefixes give memory, tail and base as one, in code point order", async () => {
      const keys = awkwardKeys;
      keys.forEach((key, i) => {
        if (i % 3 === 0) totals.put(key, value(i));
        if (i % 3 === 1) totals.put(key, value(-1));
      });
      await commit();
      await foldAway();
      keys.forEach((key, i) => i % 3 === 1 && totals.put(key, value(i)));
      await commit();
      keys.forEach((key, i) => i % 3 === 2 && totals.put(key, value(i)));
      const all = keys.map((key, i) => [key, value(i)] as const);
      const check = (): void => {
        expect([...totals.range()]).toEqual(all);
        for (const from of keys) {
          const fromBytes = Buffer.from(from);
          expect(keysOf(totals.range(from))).toEqual(keys.filter((key) => Buffer.compare(Buffer.from(key), fromBytes) >= 0));
          for (const to of keys) {
            const toBytes = Buffer.from(to);
            const wanted = keys.filter(
              (key) => Buffer.compare(Buffer.from(key), fromBytes) >= 0 && Buffer.compare(Buffer.from(key), toBytes) < 0,
            );
            expect(keysOf(totals.range(from, to))).toEqual(wanted);
          }
          expect(keysOf(totals.prefix(from))).toEqual(keys.filter((key) => key.startsWith(from)));
        }
      };
      check();
      await commit();
      await foldAway();
      check();
      await restart();
      check();
      for (const key of keys) totals.delete(key);
      expect([...totals.range()]).toEqual([]);
      await commit();
      expect([...totals.range()]).toEqual([]);
      await foldAway();
      expect([...totals.range()]).toEqual([]);
    });

    test("[S5] a range that is read while its store changes keeps its order, and gives each key that did not change once", async () => {
      const keys = Array.from({ length: 100 }, (_, i) => `k${String(i).padStart(3, "0")}`);
      for (const key of keys) totals.put(key, value(1));
      await commit();
      await foldAway();
      for (const key of keys.filter((_, i) => i % 2 === 0)) totals.put(key, value(2));
      await commit();
      for (const key of keys.filter((_, i) => i % 5 === 3)) totals.delete(key);
      await commit();
      const given: (readonly [string, Value])[] = [];
      for (const [key, found] of totals.range()) {
        given.push([key, found]);
        totals.put(key, value(3));
        if (!key.endsWith("!")) totals.put(`${key}!`, value(3));
        totals.put(`a${key}`, value(3));
        if (given.length % 3 === 0) await commit();
        state.fold(5);
        totals.get(keys[(given.length * 7) % 100]!);
      }
      const givenKeys = keysOf(given);
      expect(givenKeys).toEqual(givenKeys.toSorted());
      expect(new Set(givenKeys).size).toBe(givenKeys.length);
      const unchanged = keys.map((key, i) => [key, value(i % 2 === 0 ? 2 : 1)] as const).filter((_, i) => i % 5 !== 3);
      expect(given.filter(([key]) => keys.includes(key))).toEqual(unchanged);
    });

    test("[S6] a commit encodes each dirty key once, and says nothing when there is nothing to say", async () => {
      expect(state.dirtyCount).toBe(0);
      expect(await commit()).toEqual([]);
      for (let i = 0; i < 5; i++) for (const key of ["a", "b", "c"]) totals.put(key, value(i));
      totals.delete("b");
      perMinute.put("a", 60_000, value(1));
      perMinute.put("a", 0, value(0));
      perMinute.put("a", 60_000, value(2));
      expect(state.dirtyCount).toBe(5);
      const changes = await commit();
      expect(state.dirtyCount).toBe(0);
      const said = new Map(changes.map(({ store, bytes }) => [store, entriesOf(new DeltaReader(bytes, (what) => new Error(what)))]));
      expect(said.get("perMinute")).toEqual(["60000 a 2", "0 a 0"]);
      expect(said.get("totals")?.toSorted()).toEqual(["-1 a 4", "-1 b deleted", "-1 c 4"]);
      expect(said.size).toBe(2);
      perMinute.expire(60_000);
      expect(state.dirtyCount).toBe(1);
      await commit();
      expect(state.dirtyCount).toBe(0);
    });

    test("[S7] windows are read by start, then key, wherever they lie", async () => {
      const put = (start: number, key: string): void => perMinute.put(key, start, value(start, key));
      for (const start of [120_000, 0, 60_000, 2 ** 33 * 1000]) for (const key of ["b", "a", "😀", "\ue000"]) put(start, key);
      await commit();
      await foldAway();
      put(60_000, "aa");
      await commit();
      put(180_000, "a");
      perMinute.delete("b", 0);
      perMinute.delete("b", 240_000);
      const check = (): void => {
        expect(Array.from(perMinute.range(0, Infinity), ([start, key]) => [start, key])).toEqual([
          ...[0, 60_000, 120_000].flatMap((start) =>
            ["a", ...(start === 60_000 ? ["aa"] : []), ...(start > 0 ? ["b"] : []), "\ue000", "😀"].map((key) => [start, key]),
          ),
          [180_000, "a"],
          ...["a", "b", "\ue000", "😀"].map((key) => [2 ** 33 * 1000, key]),
        ]);
        expect(Array.from(perMinute.range(60_000, 180_000), ([start]) => start)).toEqual([
          ...Array(5).fill(60_000),
          ...Array(4).fill(120_000),
        ]);
        expect(Array.from(perMinute.range(59_999.5, 60_000.5), ([, key]) => key)).toEqual(["a", "aa", "b", "\ue000", "😀"]);
        expect(Array.from(perMinute.range(60_000, 120_001, "b"), ([start, key]) => [start, key])).toEqual([
          ...["b", "\ue000", "😀"].map((key) => [60_000, key]),
          ...["a", "b", "\ue000", "😀"].map((key) => [120_000, key]),
        ]);
        expect(Array.from(perMinute.range(59_999, 60_001, "b"), ([, key]) => key)).toEqual(["a", "aa", "b", "\ue000", "😀"]);
        expect([...perMinute.windowsOf("a", 0, 180_000)]).toEqual([0, 60_000, 120_000].map((start) => [start, value(start, "a")]));
        expect([...perMinute.windowsOf("b", -1, Infinity)].map(([start]) => start)).toEqual([60_000, 120_000, 2 ** 33 * 1000]);
        expect(perMinute.get("b", 0)).toBeUndefined();
        expect(perMinute.get("a", 30_000)).toBeUndefined();
        expect(perMinute.get("😀", 120_000)).toEqual(value(120_000, "😀"));
      };
      check();
      await commit();
      check();
      await restart();
      check();
      await foldAway();
      check();
      await restart();
      check();
    });

    test.each(["uncommitted", "committed", "folded"])(
      "[S8] an expired window is gone, %s or not, and does not come back",
      async (depth) => {
        for (const start of [0, 60_000, 120_000]) for (const key of ["a", "b"]) perMinute.put(key, start, value(start, key));
        if (depth !== "uncommitted") await commit();
        if (depth === "folded") await foldAway();
        perMinute.expire(120_000);
        perMinute.expire(60_000);
        const check = (): void => {
          expect(Array.from(perMinute.range(0, Infinity), ([start, key]) => [start, key])).toEqual([
            [120_000, "a"],
            [120_000, "b"],
          ]);
          expect([...perMinute.windowsOf("a", 0, Infinity)]).toEqual([[120_000, value(120_000, "a")]]);
          expect(perMinute.get("a", 60_000)).toBeUndefined();
          perMinute.put("late", 60_000, value(1));
          expect(perMinute.get("late", 60_000)).toBeUndefined();
        };
        check();
        await commit();
        check();
        await restart();
        check();
        await foldAway();
        check();
        await restart();
        check();
      },
    );

    test("[S9] folding at any moment changes no answer, and nothing uncommitted reaches the base", async () => {
      for (let i = 0; i < 40; i++) totals.put(`k${i}`, value(i));
      await commit();
      for (let i = 0; i < 40; i += 2) totals.put(`k${i}`, value(1000 + i));
      for (let i = 1; i < 40; i += 4) totals.delete(`k${i}`);
      for (let i = 0; i < 200; i++) state.fold(1);
      expect(totals.get("k2")).toEqual(value(1002));
      expect(totals.get("k1")).toBeUndefined();
      state.takeChanges();
      for (let i = 0; i < 200; i++) state.fold(1);
      expect(totals.get("k2")).toEqual(value(1002));
      await restart();
      for (let i = 0; i < 40; i++) expect(totals.get(`k${i}`)).toEqual(value(i));
    });

    test("[S9] a window whose expiry is not committed is not lost by folding", async () => {
      for (let i = 0; i < 20; i++) perMinute.put(`k${i}`, 0, value(i));
      await commit();
      perMinute.expire(60_000);
      for (let i = 0; i < 40; i++) state.fold(5);
      await restart();
      for (let i = 0; i < 20; i++) expect(perMinute.get(`k${i}`, 0)).toEqual(value(i));
    });

    test("[S9] what changes between taking and commit belongs to the next commit", async () => {
      totals.put("a", value(1));
      for (let i = 0; i < 8; i++) perMinute.put(`k${i}`, 0, value(i));
      const changes = state.takeChanges();
      perMinute.expire(60_000);
      state.fold(5);
      await ground.commit(task, ++number, changes);
      state.committed(number);
      for (let i = 0; i < 40; i++) state.fold(5);
      totals.put("a", value(2));
      for (let i = 0; i < 40; i++) state.fold(5);
      expect(totals.get("a")).toEqual(value(2));
      expect(perMinute.get("k1", 0)).toBeUndefined();
      await restart();
      expect(totals.get("a")).toEqual(value(1));
      for (let i = 0; i < 8; i++) expect(perMinute.get(`k${i}`, 0)).toEqual(value(i));
    });

    test("[S10] at its bound the tail asks for folding, and no longer when all that is left waits for a commit", async () => {
      let most = 0;
      for (let i = 0; i < 100; i++) {
        totals.put(`k${i % 50}`, value(i));
        await commit();
        let folds = 0;
        while (state.mustFold) {
          expect(++folds).toBeLessThan(100);
          state.fold(1);
        }
        most = Math.max(most, folds);
      }
      expect(most).toBeGreaterThan(0);
      for (let i = 0; i < 50; i++) totals.put(`k${i}`, value(1000 + i));
      for (let folds = 0; state.mustFold; folds++) {
        expect(folds).toBeLessThan(100);
        state.fold(5);
      }
      expect(state.fold(5)).toBe(0);
      await commit();
      while (state.fold(5) > 0);
      expect(state.mustFold).toBe(false);
      await restart();
      for (let i = 0; i < 50; i++) expect(totals.get(`k${i}`)).toEqual(value(1000 + i));
    });

    test("[S10] the open tasks of a storage share its bounds", async () => {
      const wideCache = { ...tightLimits, cachedEntries: 1000 };
      const commitsUntilFull = async (): Promise<number> => {
        open();
        for (let commits = 0; ; commits++) {
          if (state.mustFold) return commits;
          totals.put(`k${commits}`, value(commits));
          await commit();
        }
      };
      await ground.close();
      await use(wideCache);
      expect(await commitsUntilFull()).toBe(16);
      await ground.close();
      await use(wideCache);
      ground.storage.open(taskId("orders", 4), specs);
      expect(await commitsUntilFull(), "the other uses nothing").toBe(16);
      await ground.close();
      await use(wideCache);
      expect(await commitsUntilFull()).toBe(16);
      const first = state;
      const second = ground.storage.open(taskId("orders", 4), specs);
      const counts = second.keyValue<Value>("totals");
      let commits = 0;
      for (; !second.mustFold; commits++) {
        counts.put(`k${commits}`, value(commits));
        await ground.commit(second.task, BigInt(commits + 1), second.takeChanges());
        second.committed(BigInt(commits + 1));
      }
      expect(commits, "an equal part in any case").toBe(8);
      second.close();
      expect(first.mustFold).toBe(true);
    });

    test("[S11] an entry leaves memory only when the base has it, and is read back from there", async () => {
      const puts = new Map<string, Value>();
      for (let i = 0; i < 60; i++) {
        const own = value(i);
        puts.set(`k${i}`, own);
        totals.put(`k${i}`, own);
        if (i % 4 === 3) await commit();
      }
      for (const [key, own] of puts) expect(totals.get(key), "not folded, so still in memory").toBe(own);
      await foldAway();
      let inMemory = 0;
      for (const [key, own] of puts) {
        const found = totals.get(key);
        expect(found).toEqual(own);
        if (found === own) inMemory += 1;
      }
      expect(inMemory).toBeLessThanOrEqual(tightLimits.cachedEntries);
    });

    test("[S12] folding that was cut off anywhere goes on after a restart, with nothing lost or risen again", async () => {
      const model = new Map<string, number>();
      for (let i = 0; i < 120; i++) {
        const key = `k${(i * 37) % 50}`;
        if (i % 5 === 4) {
          totals.delete(key);
          model.delete(key);
        } else {
          totals.put(key, value(i));
          model.set(key, i);
        }
        if (i % 3 === 0) {
          await commit();
          state.fold(2);
          await restart();
        }
      }
      await commit();
      await restart();
      expect(new Map(Array.from(totals.range(), ([key, { n }]) => [key, n]))).toEqual(model);
    });

    test("[S13] a store is forgotten when the task is opened without it, and kept apart from others of its name", async () => {
      totals.put("a", value(1));
      perMinute.put("a", 0, value(1));
      await commit();
      const other = ground.storage.open(taskId("orders", 4), specs).keyValue<Value>("totals");
      expect(other.get("a")).toBeUndefined();
      await foldAway();
      totals.put("unfolded", value(1));
      await commit();
      open({ perMinute: specs.perMinute });
      expect(() => state.keyValue("totals")).toThrow(expect.objectContaining({ code: "STATE_UNKNOWN_STORE" }));
      expect(() => state.keyValue("perMinute")).toThrow(expect.objectContaining({ code: "STATE_UNKNOWN_STORE" }));
      expect(perMinute.get("a", 0)).toEqual(value(1));
      open();
      expect([...totals.range()]).toEqual([]);
      expect(perMinute.get("a", 0)).toEqual(value(1));
      totals.put("b", value(2));
      await commit();
      await foldAway();
      await restart();
      expect(keysOf(totals.range())).toEqual(["b"]);
      expect(() => ground.storage.open(task, { ...specs, totals: specs.perMinute })).toThrow(
        expect.objectContaining({ code: "STATE_STORE_MISMATCH" }),
      );
    });

    test("[S14] changes are taken once a commit, commits rise, and a closed state takes no part", async () => {
      totals.put("a", value(1));
      state.takeChanges();
      expect(() => state.takeChanges()).toThrow(expect.objectContaining({ code: "STATE_COMMIT_ORDER" }));
      open();
      await commit();
      expect(() => state.committed(number)).toThrow(expect.objectContaining({ code: "STATE_COMMIT_ORDER" }));
      const before = state;
      open();
      for (const act of [() => before.takeChanges(), () => before.fold(1), () => before.committed(9n)]) {
        expect(act).toThrow(expect.objectContaining({ code: "STATE_CLOSED" }));
      }
    });

    test("[S19] a store knows the last commit that can have changed it, exactly while that is in the tail", async () => {
      expect([state.changedAt("totals"), state.changedAt("perMinute")]).toEqual([0n, 0n]);
      totals.put("a", value(1));
      await commit();
      perMinute.put("a", 0, value(1));
      expect([state.changedAt("totals"), state.changedAt("perMinute")]).toEqual([1n, 0n]);
      await commit();
      await commit();
      expect([state.changedAt("totals"), state.changedAt("perMinute")]).toEqual([1n, 2n]);
      await restart();
      // Where a restart brings the state back from elsewhere, several commits may count as one, their last.
      for (const [store, last] of [
        ["totals", 1n],
        ["perMinute", 2n],
      ] as const) {
        expect(state.changedAt(store)).toBeGreaterThanOrEqual(last);
        expect(state.changedAt(store)).toBeLessThanOrEqual(number);
      }
      const before = state.changedAt("perMinute");
      await foldAway();
      expect(state.changedAt("perMinute")).toBe(before);
      await restart();
      expect(state.changedAt("perMinute")).toBeGreaterThanOrEqual(before);
      expect(state.changedAt("totals")).toBe(number);
      open({ perMinute: specs.perMinute });
      open();
      expect(state.changedAt("totals")).toBeGreaterThan(number);
    });

    test("[S15] what cannot be read is refused, and where it lies is said", async () => {
      totals.put("a", value(1));
      const changes = state.takeChanges();
      await ground.commit(task, 1n, [{ store: "totals", bytes: changes[0]!.bytes.subarray(0, -1) }]);
      expect(() => open()).toThrow(
        expect.objectContaining({ code: "STATE_CORRUPT", at: expect.stringContaining("orders/3 totals commit 1") }),
      );
    });

    test("[S16] a key must be well-formed text, a window start a whole number from 0", () => {
      const refused = expect.objectContaining({ code: "STATE_BAD_KEY" });
      expect(() => totals.put("\ud800", value(1))).toThrow(refused);
      for (const start of [-1, 0.5, Number.NaN, Infinity, 2 ** 53]) expect(() => perMinute.put("a", start, value(1))).toThrow(refused);
      expect(state.dirtyCount).toBe(0);
    });

    testRandomState(harness, random);
  });
}

function entriesOf(reader: DeltaReader): string[] {
  const entries: string[] = [];
  while (reader.next()) {
    const what = reader.op === deltaOps.put ? specs.totals.codec.decode(reader.value()).n : "deleted";
    entries.push(`${reader.start} ${reader.key()} ${what}`);
  }
  return entries;
}
