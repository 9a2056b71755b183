import { expect, test } from "vitest";
import { taskId } from "#broker/broker.ts";
import { benchSpecs, benchTask, type StateBench, valueOf } from "./state-bench.ts";
import { tightLimits, type Value } from "./state-harness.ts";

/** How the tail is folded into the base: at any moment, within bounds, and on after a crash. */
export function foldingLaws(bench: StateBench): void {
  test("[S9] folding at any moment changes no answer, and nothing uncommitted reaches the base", async () => {
    for (let i = 0; i < 40; i++) bench.totals.put(`k${i}`, valueOf(i));
    await bench.commit();
    for (let i = 0; i < 40; i += 2) bench.totals.put(`k${i}`, valueOf(1000 + i));
    for (let i = 1; i < 40; i += 4) bench.totals.delete(`k${i}`);
    for (let i = 0; i < 200; i++) bench.state.fold(1);
    expect(bench.totals.get("k2")).toEqual(valueOf(1002));
    expect(bench.totals.get("k1")).toBeUndefined();
    bench.state.takeChanges();
    for (let i = 0; i < 200; i++) bench.state.fold(1);
    expect(bench.totals.get("k2")).toEqual(valueOf(1002));
    await bench.restart();
    for (let i = 0; i < 40; i++) expect(bench.totals.get(`k${i}`)).toEqual(valueOf(i));
  });

  test("[S9] a window whose expiry is not committed is not lost by folding", async () => {
    for (let i = 0; i < 20; i++) bench.perMinute.put(`k${i}`, 0, valueOf(i));
    await bench.commit();
    bench.perMinute.expire(60_000);
    for (let i = 0; i < 40; i++) bench.state.fold(5);
    await bench.restart();
    for (let i = 0; i < 20; i++) expect(bench.perMinute.get(`k${i}`, 0)).toEqual(valueOf(i));
  });

  test("[S9] what changes between taking and commit belongs to the next commit", async () => {
    bench.totals.put("a", valueOf(1));
    for (let i = 0; i < 8; i++) bench.perMinute.put(`k${i}`, 0, valueOf(i));
    const changes = bench.state.takeChanges();
    bench.perMinute.expire(60_000);
    bench.state.fold(5);
    await bench.ground.commit(benchTask, ++bench.number, changes);
    bench.state.committed(bench.number);
    for (let i = 0; i < 40; i++) bench.state.fold(5);
    bench.totals.put("a", valueOf(2));
    for (let i = 0; i < 40; i++) bench.state.fold(5);
    expect(bench.totals.get("a")).toEqual(valueOf(2));
    expect(bench.perMinute.get("k1", 0)).toBeUndefined();
    await bench.restart();
    expect(bench.totals.get("a")).toEqual(valueOf(1));
    for (let i = 0; i < 8; i++) expect(bench.perMinute.get(`k${i}`, 0)).toEqual(valueOf(i));
  });

  test("[S10] at its bound the tail asks for folding, and no longer when all that is left waits for a commit", async () => {
    let most = 0;
    for (let i = 0; i < 100; i++) {
      bench.totals.put(`k${i % 50}`, valueOf(i));
      await bench.commit();
      let folds = 0;
      while (bench.state.mustFold) {
        expect(++folds).toBeLessThan(100);
        bench.state.fold(1);
      }
      most = Math.max(most, folds);
    }
    expect(most).toBeGreaterThan(0);
    for (let i = 0; i < 50; i++) bench.totals.put(`k${i}`, valueOf(1000 + i));
    for (let folds = 0; bench.state.mustFold; folds++) {
      expect(folds).toBeLessThan(100);
      bench.state.fold(5);
    }
    expect(bench.state.fold(5)).toBe(0);
    await bench.commit();
    while (bench.state.fold(5) > 0);
    expect(bench.state.mustFold).toBe(false);
    await bench.restart();
    for (let i = 0; i < 50; i++) expect(bench.totals.get(`k${i}`)).toEqual(valueOf(1000 + i));
  });

  test("[S10] the open tasks of a storage share its bounds", async () => {
    const wideCache = { ...tightLimits, cachedEntries: 1000 };
    const commitsUntilFull = async (): Promise<number> => {
      bench.open();
      for (let commits = 0; ; commits++) {
        if (bench.state.mustFold) return commits;
        bench.totals.put(`k${commits}`, valueOf(commits));
        await bench.commit();
      }
    };
    await bench.ground.close();
    await bench.use(wideCache);
    expect(await commitsUntilFull()).toBe(16);
    await bench.ground.close();
    await bench.use(wideCache);
    bench.ground.storage.open(taskId("orders", 4), benchSpecs);
    expect(await commitsUntilFull(), "the other uses nothing").toBe(16);
    await bench.ground.close();
    await bench.use(wideCache);
    expect(await commitsUntilFull()).toBe(16);
    const first = bench.state;
    const second = bench.ground.storage.open(taskId("orders", 4), benchSpecs);
    const counts = second.keyValue<Value>("totals");
    let commits = 0;
    for (; !second.mustFold; commits++) {
      counts.put(`k${commits}`, valueOf(commits));
      await bench.ground.commit(second.task, BigInt(commits + 1), second.takeChanges());
      second.committed(BigInt(commits + 1));
    }
    expect(commits, "an equal part in any case").toBe(8);
    second.close();
    expect(first.mustFold).toBe(true);
  });

  test("[S11] an entry leaves memory only when the base has it, and is read back from there", async () => {
    const puts = new Map<string, Value>();
    for (let i = 0; i < 60; i++) {
      const own = valueOf(i);
      puts.set(`k${i}`, own);
      bench.totals.put(`k${i}`, own);
      if (i % 4 === 3) await bench.commit();
    }
    for (const [key, own] of puts) expect(bench.totals.get(key), "not folded, so still in memory").toBe(own);
    await bench.foldAway();
    let inMemory = 0;
    for (const [key, own] of puts) {
      const found = bench.totals.get(key);
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
        bench.totals.delete(key);
        model.delete(key);
      } else {
        bench.totals.put(key, valueOf(i));
        model.set(key, i);
      }
      if (i % 3 === 0) {
        await bench.commit();
        bench.state.fold(2);
        await bench.restart();
      }
    }
    await bench.commit();
    await bench.restart();
    expect(new Map(Array.from(bench.totals.range(), ([key, { n }]) => [key, n]))).toEqual(model);
  });
}
