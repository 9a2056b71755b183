import { afterEach, beforeEach, expect, test } from "vitest";
import { listOffsets } from "../admin/offsets.ts";
import { type FaultProxy, type Loss, startFaultProxy } from "../proving/fault-proxy.ts";
import { describeKafka, openClient, until } from "../proving/kafka-test.ts";
import { managerOf, seen, transactionBench } from "./transaction-harness.ts";
import { batches, transactionOf } from "./transaction-samples.ts";

describeKafka.each([2, 1] as const)("answers that are lost, in version %i", (version) => {
  let proxy: FaultProxy;
  beforeEach(async () => {
    proxy = await startFaultProxy();
  });
  afterEach(() => proxy.close());
  const requests =
    version === 2
      ? ["InitProducerId", "Produce", "TxnOffsetCommit", "EndTxn"]
      : ["InitProducerId", "AddPartitionsToTxn", "Produce", "AddOffsetsToTxn", "TxnOffsetCommit", "EndTxn"];
  const losses = requests.flatMap((api) => (["done", "undone"] as const).map((outcome) => [api, outcome] as const));

  /** From now on requests of this kind are lost; the first may fare otherwise. */
  function losing(api: string, outcome: Loss["outcome"], first = outcome): () => void {
    let next = first;
    return proxy.onRequest(api, () => {
      proxy.loseAnswer({ api, outcome: next });
      next = outcome;
    });
  }

  test.each(losses)("[K15] %s is %s and its answer lost: it is asked again, and everything is there once", async (api, outcome) => {
    const bench = await transactionBench();
    const manager = managerOf(bench, { version, via: proxy.via });
    const loss = proxy.loseAnswer({ api, outcome, times: 2 });
    await manager.open();
    for (const n of [1, 2, 3]) expect(await manager.run(transactionOf(bench, `${n}`, BigInt(n)))).toMatchObject({ kind: "committed" });
    expect(loss.left).toBe(0);
    await until(async () => (await seen(bench)).values.length === 6, 5000, "the markers are written");
    expect(await seen(bench)).toEqual({ values: ["0:1", "0:2", "0:3", "1:1", "1:2", "1:3"], offsets: ["3 3", "3 3"] });
  });

  test.each(["done", "undone"] as const)(
    "[K11] one of many batches under way is %s and its answer lost: order and number stay",
    async (outcome) => {
      const bench = await transactionBench();
      const manager = managerOf(bench, { version, via: proxy.via });
      await manager.open();
      let sent = 0;
      proxy.onRequest("Produce", () => {
        sent++;
        if (sent === 3 || sent === 9) proxy.loseAnswer({ api: "Produce", outcome });
      });
      const texts = Array.from({ length: 17 }, (_, i) => `${i}a ${i}b`);
      const committed = await manager.run({ ...transactionOf(bench, "", 1n), batches: [batches(bench.topic, ...texts)] });
      expect(committed).toMatchObject({
        kind: "committed",
        batches: [{ bases: texts.map((_, i) => BigInt(2 * i)) }],
        written: [{ offset: 34n }],
      });
      expect(sent).toBeGreaterThan(17);
      await until(async () => (await seen(bench)).values.length === 34, 5000, "the markers are written");
      expect((await seen(bench)).values).toEqual(
        texts
          .join(" ")
          .split(" ")
          .map((text) => `0:${text}`),
      );
    },
  );

  test.each(["done", "undone"] as const)(
    "[K16] a commit that is %s, with no answer within the deadline, is unknown and over",
    async (first) => {
      const bench = await transactionBench();
      const manager = managerOf(bench, { version, via: proxy.via, deadlineMs: 500 });
      await manager.open();
      const stop = losing("EndTxn", "undone", first);
      expect(await manager.run(transactionOf(bench, "first", 1n))).toMatchObject({ kind: "unknown", error: { ids: ["NETWORK"] } });
      const after =
        first === "done" ? { values: ["0:first", "1:first"], offsets: ["1 first", "1 first"] } : { values: [], offsets: ["none", "none"] };
      // Nothing is pending: whoever compares now sees what there is for good.
      expect((await seen(bench)).offsets).toEqual(after.offsets);
      stop();
      await until(async () => (await seen(bench)).values.length === after.values.length, 5000, "the markers are written");
      expect(await seen(bench)).toEqual(after);
      expect(await manager.run(transactionOf(bench, "next", 2n))).toMatchObject({ kind: "committed" });
      expect(manager.phase).toBe("ready");
    },
  );

  test.each(["done", "undone"] as const)(
    "[K111] of a commit that was %s, and unknown, markers are there again once that is found out",
    async (first) => {
      const bench = await transactionBench();
      const manager = managerOf(bench, { version, via: proxy.via, deadlineMs: 500 });
      await manager.open();
      const stop = losing("EndTxn", "undone", first);
      const transaction = transactionOf(bench, "first", 1n);
      expect(await manager.run(transaction)).toMatchObject({ kind: "unknown" });
      stop();
      const client = openClient("ends");
      const ends = async (): Promise<readonly bigint[]> =>
        (await listOffsets(client, transaction.batches, { at: { kind: "stable-end" } })).map(({ offset }) => offset);
      // A record and its marker.
      await until(async () => (await ends()).every((end) => end >= 2n), 5000, "the markers are written");
      const before = await ends();
      await manager.settled(first === "done" ? "commit" : "abort", transaction);
      // One more marker each behind a commit; behind an abort nothing is open, so there is nothing to do.
      const more = first === "done" ? 1n : 0n;
      await until(async () => (await ends()).every((end, i) => end >= before[i]! + more), 5000, "they are written again");
      expect(await ends()).toEqual(before.map((end) => end + more));
      expect((await seen(bench)).values).toEqual(first === "done" ? ["0:first", "1:first"] : []);
      expect(await manager.run(transactionOf(bench, "next", 2n))).toMatchObject({ kind: "committed" });
    },
  );

  test("[K17] an abort that cannot be had is had by taking the id over anew", async () => {
    const bench = await transactionBench({ configs: { "max.message.bytes": "1000" } });
    const manager = managerOf(bench, { version, via: proxy.via, deadlineMs: 500 });
    await manager.open();
    const before = manager.identity;
    const stop = losing("EndTxn", "undone");
    const good = transactionOf(bench, "good", 1n);
    const outcome = await manager.run({
      ...good,
      batches: [good.batches[0]!, { ...batches(bench.topic, "l".repeat(2000)), partition: 1 }],
    });
    expect(outcome).toMatchObject({ kind: "aborted", error: { ids: ["MESSAGE_TOO_LARGE"] } });
    expect(await seen(bench)).toEqual({ values: [], offsets: ["none", "none"] });
    expect(manager.identity).toEqual({ ...before, producerEpoch: before.producerEpoch + (version === 2 ? 1 : 2) });
    stop();
    expect(await manager.run(transactionOf(bench, "next", 2n))).toMatchObject({ kind: "committed" });
  });

  test("[K17] while not even that can be had nothing else is done, and closing ends it", async () => {
    const bench = await transactionBench();
    const retried: string[] = [];
    const manager = managerOf(bench, { version, via: proxy.via, deadlineMs: 200, onRetry: ({ ids }) => void retried.push(...ids) });
    await manager.open();
    const stops = [losing("EndTxn", "undone"), losing("InitProducerId", "undone")];
    const outcome = manager.run(transactionOf(bench, "lost", 1n));
    outcome.catch(() => undefined);
    await until(() => manager.phase === "lost" && retried.length > 8, 5000, "it asks on");
    await manager.close(100);
    await expect(outcome).rejects.toMatchObject({ name: "KafkaError" });
    for (const stop of stops) stop();
    const heir = managerOf(bench, { version });
    await heir.open();
    expect(await seen(bench)).toEqual({ values: [], offsets: ["none", "none"] });
  });
});
