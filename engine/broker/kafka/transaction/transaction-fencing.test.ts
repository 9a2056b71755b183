import { afterEach, beforeEach, expect, test } from "vitest";
import { type FaultProxy, startFaultProxy } from "../proving/fault-proxy.ts";
import { describeKafka, openClient, until } from "../proving/kafka-test.ts";
import { managerOf, seen, transactionBench, transactionState } from "./transaction-harness.ts";
import { transactionOf } from "./transaction-samples.ts";

describeKafka.each([2, 1] as const)("who may go on, in version %i", (version) => {
  let proxy: FaultProxy;
  beforeEach(async () => {
    proxy = await startFaultProxy();
  });
  afterEach(() => proxy.close());
  const requests =
    version === 2
      ? ["Produce", "TxnOffsetCommit", "EndTxn"]
      : ["AddPartitionsToTxn", "Produce", "AddOffsetsToTxn", "TxnOffsetCommit", "EndTxn"];

  test.each(requests)("[K14] a successor that opens before %s fences for good, and nothing of the predecessor is there", async (api) => {
    const bench = await transactionBench();
    const zombie = managerOf(bench, { version, via: proxy.via });
    const heir = managerOf(bench, { version });
    await zombie.open();
    expect(await zombie.run(transactionOf(bench, "before", 1n))).toMatchObject({ kind: "committed" });
    let opened = false;
    const stop = proxy.onRequest(api, async () => {
      if (opened) return;
      opened = true;
      await heir.open();
    });
    expect(await zombie.run(transactionOf(bench, "zombie", 2n))).toMatchObject({ kind: "fenced", by: "producer" });
    stop();
    expect(await heir.run(transactionOf(bench, "heir", 3n))).toMatchObject({ kind: "committed" });
    expect(zombie.phase).toBe("fenced");
    expect(await zombie.run(transactionOf(bench, "zombie", 4n))).toMatchObject({ kind: "fenced", by: "producer" });
    await expect(zombie.open()).rejects.toMatchObject({ name: "KafkaError" });
    expect(await heir.run(transactionOf(bench, "again", 5n))).toMatchObject({ kind: "committed" });
    await until(async () => (await seen(bench)).values.length === 6, 5000, "the markers are written");
    expect(await seen(bench)).toEqual({
      values: ["0:before", "0:heir", "0:again", "1:before", "1:heir", "1:again"],
      offsets: ["5 again", "5 again"],
    });
  });

  test.each(requests.slice(1))(
    "[K18] a transaction that the coordinator gave up before %s, since it took too long, is aborted",
    async (api) => {
      const bench = await transactionBench();
      const slow = managerOf(bench, { version, via: proxy.via, timeoutMs: 1000 });
      await slow.open();
      let waited = false;
      proxy.onRequest(api, async () => {
        if (waited) return;
        waited = true;
        await until(
          async () => (await transactionState(openClient("states"), bench.id)) === "CompleteAbort",
          10_000,
          "the transaction times out",
        );
      });
      const outcome = await slow.run(transactionOf(bench, "slow", 1n));
      // In version 1 nothing tells a timeout from a successor.
      expect(outcome).toMatchObject(version === 2 ? { kind: "aborted" } : { kind: "fenced", by: "producer" });
      expect(await seen(bench)).toEqual({ values: [], offsets: ["none", "none"] });
      if (version === 1) return;
      expect(await slow.run(transactionOf(bench, "next", 2n))).toMatchObject({ kind: "committed" });
      await until(async () => (await seen(bench)).values.length === 2, 5000, "the markers are written");
      expect(await seen(bench)).toEqual({ values: ["0:next", "1:next"], offsets: ["2 next", "2 next"] });
    },
  );
});

describeKafka("who may go on, in version 2", () => {
  test("[K14] a producer that was cut off while it ended its transaction does not fence its successor when it is back", async () => {
    const proxy = await startFaultProxy();
    const bench = await transactionBench();
    const zombie = managerOf(bench, { version: 2, via: proxy.via, deadlineMs: 300 });
    const heir = managerOf(bench, { version: 2 });
    await zombie.open();
    proxy.onRequest("EndTxn", () => proxy.loseAnswer({ api: "EndTxn", outcome: "undone" }));
    let opened = false;
    proxy.onRequest("InitProducerId", async () => {
      if (opened) return;
      opened = true;
      await heir.open();
    });
    expect(await zombie.run(transactionOf(bench, "zombie", 1n))).toMatchObject({ kind: "fenced", by: "producer" });
    expect(await heir.run(transactionOf(bench, "heir", 2n))).toMatchObject({ kind: "committed" });
    expect(await zombie.run(transactionOf(bench, "zombie", 3n))).toMatchObject({ kind: "fenced", by: "producer" });
    expect(await heir.run(transactionOf(bench, "again", 4n))).toMatchObject({ kind: "committed" });
    await until(async () => (await seen(bench)).values.length === 4, 5000, "the markers are written");
    expect(await seen(bench)).toEqual({ values: ["0:heir", "0:again", "1:heir", "1:again"], offsets: ["4 again", "4 again"] });
    await proxy.close();
  });
});
