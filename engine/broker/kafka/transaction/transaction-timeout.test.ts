import { afterEach, beforeEach, expect, test } from "vitest";
import { type FaultProxy, startFaultProxy } from "../proving/fault-proxy.ts";
import { describeKafka, openClient, until } from "../proving/kafka-test.ts";
import { managerOf, seen, transactionBench, transactionState } from "./transaction-harness.ts";
import { transactionOf } from "./transaction-samples.ts";

describeKafka.each([2, 1] as const)("transactions that time out while their producer is cut off, in version %i", (version) => {
  let proxy: FaultProxy;
  beforeEach(async () => {
    proxy = await startFaultProxy();
  });
  afterEach(() => proxy.close());

  test.each(["done", "undone"] as const)("[K16] it takes its id back, though the first attempt at that was %s", async (outcome) => {
    const bench = await transactionBench();
    const manager = managerOf(bench, { version, via: proxy.via, deadlineMs: 500, timeoutMs: 2000 });
    await manager.open();
    const lossy = proxy.onRequest("EndTxn", () => void proxy.loseAnswer({ api: "EndTxn", outcome: "undone" }));
    const gate = Promise.withResolvers<void>();
    let attempts = 0;
    const held = proxy.onRequest("InitProducerId", () => {
      attempts += 1;
      if (attempts === 1 && outcome === "done") return void proxy.loseAnswer({ api: "InitProducerId", outcome });
      return gate.promise;
    });
    const running = manager.run(transactionOf(bench, "first", 1n));
    const watching = openClient("watch");
    await until(async () => (await transactionState(watching, bench.id)) === "CompleteAbort", 20_000, "the coordinator has given it up");
    gate.resolve();
    expect(await running).toMatchObject({ kind: "unknown" });
    lossy();
    held();
    expect(await manager.run(transactionOf(bench, "second", 2n))).toMatchObject({ kind: "committed" });
    await until(async () => (await seen(bench)).values.length === 2, 5000, "the markers are written");
    expect(await seen(bench)).toEqual({ values: ["0:second", "1:second"], offsets: ["2 second", "2 second"] });
  });
});
