import { expect, test } from "vitest";
import { taskId } from "#broker/broker.ts";
import { DeltaReader, deltaOps } from "#broker/store-delta.ts";
import { benchSpecs, benchTask, keysOf, type StateBench, valueOf } from "./state-bench.ts";
import type { Value } from "./state-harness.ts";

/** What a commit says, and what is there when a task is opened again. */
export function commitLaws(bench: StateBench): void {
  test("[S3] what was not committed is gone when the task is opened again; what was is there", async () => {
    bench.totals.put("a", valueOf(1));
    bench.perMinute.put("a", 60_000, valueOf(1));
    await bench.commit();
    await bench.foldAway();
    bench.totals.put("a", valueOf(2));
    bench.totals.put("b", valueOf(2));
    bench.perMinute.put("a", 60_000, valueOf(2));
    bench.perMinute.expire(120_000);
    bench.state.close();
    bench.open();
    expect(bench.totals.get("a")).toEqual(valueOf(1));
    expect(bench.totals.get("b")).toBeUndefined();
    expect(bench.perMinute.get("a", 60_000)).toEqual(valueOf(1));
    bench.totals.put("b", valueOf(3));
    bench.state.takeChanges();
    bench.open();
    expect(bench.totals.get("b"), "taken is not committed").toBeUndefined();
    bench.totals.put("b", valueOf(4));
    await bench.ground.commit(benchTask, ++bench.number, bench.state.takeChanges());
    await bench.restart();
    expect(bench.totals.get("b"), "the commit's answer was lost, the commit was not").toEqual(valueOf(4));
  });

  test("[S6] a commit encodes each dirty key once, and says nothing when there is nothing to say", async () => {
    expect(bench.state.dirtyCount).toBe(0);
    expect(await bench.commit()).toEqual([]);
    for (let i = 0; i < 5; i++) for (const key of ["a", "b", "c"]) bench.totals.put(key, valueOf(i));
    bench.totals.delete("b");
    bench.perMinute.put("a", 60_000, valueOf(1));
    bench.perMinute.put("a", 0, valueOf(0));
    bench.perMinute.put("a", 60_000, valueOf(2));
    expect(bench.state.dirtyCount).toBe(5);
    const changes = await bench.commit();
    expect(bench.state.dirtyCount).toBe(0);
    const said = new Map(changes.map(({ store, bytes }) => [store, entriesOf(new DeltaReader(bytes, (what) => new Error(what)))]));
    expect(said.get("perMinute")).toEqual(["60000 a 2", "0 a 0"]);
    expect(said.get("totals")?.toSorted()).toEqual(["-1 a 4", "-1 b deleted", "-1 c 4"]);
    expect(said.size).toBe(2);
    bench.perMinute.expire(60_000);
    expect(bench.state.dirtyCount).toBe(1);
    await bench.commit();
    expect(bench.state.dirtyCount).toBe(0);
  });

  test("[S13] a store is forgotten when the task is opened without it, and kept apart from others of its name", async () => {
    bench.totals.put("a", valueOf(1));
    bench.perMinute.put("a", 0, valueOf(1));
    await bench.commit();
    const other = bench.ground.storage.open(taskId("orders", 4), benchSpecs).keyValue<Value>("totals");
    expect(other.get("a")).toBeUndefined();
    await bench.foldAway();
    bench.totals.put("unfolded", valueOf(1));
    await bench.commit();
    bench.open({ perMinute: benchSpecs.perMinute });
    expect(() => bench.state.keyValue("totals")).toThrow(expect.objectContaining({ code: "STATE_UNKNOWN_STORE" }));
    expect(() => bench.state.keyValue("perMinute")).toThrow(expect.objectContaining({ code: "STATE_UNKNOWN_STORE" }));
    expect(bench.perMinute.get("a", 0)).toEqual(valueOf(1));
    bench.open();
    expect([...bench.totals.range()]).toEqual([]);
    expect(bench.perMinute.get("a", 0)).toEqual(valueOf(1));
    bench.totals.put("b", valueOf(2));
    await bench.commit();
    await bench.foldAway();
    await bench.restart();
    expect(keysOf(bench.totals.range())).toEqual(["b"]);
    expect(() => bench.ground.storage.open(benchTask, { ...benchSpecs, totals: benchSpecs.perMinute })).toThrow(
      expect.objectContaining({ code: "STATE_STORE_MISMATCH" }),
    );
  });

  test("[S14] changes are taken once a commit, commits rise, and a closed state takes no part", async () => {
    bench.totals.put("a", valueOf(1));
    bench.state.takeChanges();
    expect(() => bench.state.takeChanges()).toThrow(expect.objectContaining({ code: "STATE_COMMIT_ORDER" }));
    bench.open();
    await bench.commit();
    expect(() => bench.state.committed(bench.number)).toThrow(expect.objectContaining({ code: "STATE_COMMIT_ORDER" }));
    const before = bench.state;
    bench.open();
    for (const act of [() => before.takeChanges(), () => before.fold(1), () => before.committed(9n)]) {
      expect(act).toThrow(expect.objectContaining({ code: "STATE_CLOSED" }));
    }
  });

  test("[S19] a store knows the last commit that can have changed it, exactly while that is in the tail", async () => {
    expect([bench.state.changedAt("totals"), bench.state.changedAt("perMinute")]).toEqual([0n, 0n]);
    bench.totals.put("a", valueOf(1));
    await bench.commit();
    bench.perMinute.put("a", 0, valueOf(1));
    expect([bench.state.changedAt("totals"), bench.state.changedAt("perMinute")]).toEqual([1n, 0n]);
    await bench.commit();
    await bench.commit();
    expect([bench.state.changedAt("totals"), bench.state.changedAt("perMinute")]).toEqual([1n, 2n]);
    await bench.restart();
    // Where a restart brings the state back from elsewhere, several commits may count as one, their last.
    for (const [store, last] of [
      ["totals", 1n],
      ["perMinute", 2n],
    ] as const) {
      expect(bench.state.changedAt(store)).toBeGreaterThanOrEqual(last);
      expect(bench.state.changedAt(store)).toBeLessThanOrEqual(bench.number);
    }
    const before = bench.state.changedAt("perMinute");
    await bench.foldAway();
    expect(bench.state.changedAt("perMinute")).toBe(before);
    await bench.restart();
    expect(bench.state.changedAt("perMinute")).toBeGreaterThanOrEqual(before);
    expect(bench.state.changedAt("totals")).toBe(bench.number);
    bench.open({ perMinute: benchSpecs.perMinute });
    bench.open();
    expect(bench.state.changedAt("totals")).toBeGreaterThan(bench.number);
  });

  test("[S15] what cannot be read is refused, and where it lies is said", async () => {
    bench.totals.put("a", valueOf(1));
    const changes = bench.state.takeChanges();
    await bench.ground.commit(benchTask, 1n, [{ store: "totals", bytes: changes[0]!.bytes.subarray(0, -1) }]);
    expect(() => bench.open()).toThrow(
      expect.objectContaining({ code: "STATE_CORRUPT", at: expect.stringContaining("orders/3 totals commit 1") }),
    );
  });
}

function entriesOf(reader: DeltaReader): string[] {
  const entries: string[] = [];
  while (reader.next()) {
    const what = reader.op === deltaOps.put ? benchSpecs.totals.codec.decode(reader.value()).n : "deleted";
    entries.push(`${reader.start} ${reader.key()} ${what}`);
  }
  return entries;
}
