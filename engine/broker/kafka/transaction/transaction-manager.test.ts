import { expect, test } from "vitest";
import { startFaultProxy } from "../proving/fault-proxy.ts";
import { describeKafka, until } from "../proving/kafka-test.ts";
import { managerOf, seen, transactionBench } from "./transaction-harness.ts";
import { batches, transactionOf } from "./transaction-samples.ts";

describeKafka.each([2, 1] as const)("transactions of version %i", (version) => {
  test("[K10] a commit makes batches of all partitions and offsets with metadata visible at once, and says where they lie", async () => {
    const bench = await transactionBench();
    const manager = managerOf(bench, { version });
    await manager.open();
    const first = await manager.run(transactionOf(bench, "a b", 7n));
    expect(first).toMatchObject({
      kind: "committed",
      written: [0, 1].map((partition) => ({ topic: bench.topic, partition, offset: 2n })),
      batches: [0, 1].map((partition) => ({ topic: bench.topic, partition, bases: [0n] })),
    });
    const second = await manager.run(transactionOf(bench, "c", 8n));
    // The marker of the first commit takes an offset as well.
    expect(second).toMatchObject({ kind: "committed", written: [0, 1].map((partition) => ({ partition, offset: 4n })) });
    await until(async () => (await seen(bench)).values.length === 6, 5000, "the markers are written");
    expect(await seen(bench)).toEqual({ values: ["0:a", "0:b", "0:c", "1:a", "1:b", "1:c"], offsets: ["8 c", "8 c"] });
    await manager.close();
  });

  test("[K11] many batches of a partition lie in their order", async () => {
    const bench = await transactionBench();
    const manager = managerOf(bench, { version });
    await manager.open();
    const texts = Array.from({ length: 23 }, (_, i) => `${i}-first ${i}-second`);
    const outcome = await manager.run({ ...transactionOf(bench, "", 1n), batches: [batches(bench.topic, ...texts)] });
    expect(outcome).toMatchObject({
      kind: "committed",
      batches: [{ bases: texts.map((_, i) => BigInt(2 * i)) }],
      written: [{ offset: 46n }],
    });
    await until(async () => (await seen(bench)).values.length === 46, 5000, "the markers are written");
    expect((await seen(bench)).values).toEqual(
      texts
        .join(" ")
        .split(" ")
        .map((text) => `0:${text}`),
    );
  });

  test("[K19] the epoch is raised before the sequence numbers of a partition end, and they begin anew", async () => {
    const bench = await transactionBench();
    // Kafka takes any first number of a producer id that it has not met; protocol 2 begins with 0 at each transaction.
    const firstSequence = version === 1 ? 2 ** 31 - 5 : 0;
    const manager = managerOf(bench, { version, firstSequence });
    await manager.open();
    const { producerId } = manager.identity;
    const epochs: number[] = [];
    for (const text of ["a b", "c d e", "f", "g h i"]) {
      expect(await manager.run(transactionOf(bench, text, 1n))).toMatchObject({ kind: "committed" });
      epochs.push(manager.identity.producerEpoch);
    }
    expect(manager.identity.producerId).toBe(producerId);
    expect(epochs).toEqual(version === 1 ? [0, 0, 1, 1] : [1, 2, 3, 4]);
    await until(async () => (await seen(bench)).values.length === 18, 5000, "the markers are written");
    expect((await seen(bench)).values.slice(0, 9)).toEqual("a b c d e f g h i".split(" ").map((letter) => `0:${letter}`));
  });

  test("[K20] one thing at a time: what comes meanwhile is refused and disturbs nothing", async () => {
    const bench = await transactionBench();
    const manager = managerOf(bench, { version });
    await expect(manager.run(transactionOf(bench, "early", 1n))).rejects.toThrow("not open yet");
    await manager.open();
    const first = manager.run(transactionOf(bench, "first", 1n));
    await expect(manager.run(transactionOf(bench, "second", 2n))).rejects.toThrow("one thing at a time");
    await expect(manager.open()).rejects.toThrow("one thing at a time");
    expect(await first).toMatchObject({ kind: "committed" });
    const last = manager.run(transactionOf(bench, "last", 3n));
    await manager.close();
    expect(await last).toMatchObject({ kind: "committed" });
    await expect(manager.run(transactionOf(bench, "late", 4n))).rejects.toMatchObject({ ids: ["CLOSED"] });
    await until(async () => (await seen(bench)).values.length === 4, 5000, "the markers are written");
    expect(await seen(bench)).toEqual({ values: ["0:first", "0:last", "1:first", "1:last"], offsets: ["3 last", "3 last"] });
  });

  test("[K20] offsets without a member, and a partition twice, are refused before anything is sent", async () => {
    const bench = await transactionBench();
    const manager = managerOf(bench, { version });
    await manager.open();
    const good = transactionOf(bench, "good", 1n);
    await expect(manager.run({ ...good, member: { generationId: -1, memberId: "", groupInstanceId: null } })).rejects.toThrow(
      "without a member",
    );
    await expect(manager.run({ ...good, batches: [good.batches[0]!, good.batches[0]!] })).rejects.toThrow(RangeError);
    await expect(manager.run({ ...good, batches: [{ ...good.batches[0]!, batches: [] }] })).rejects.toThrow(RangeError);
    expect(await manager.run(good)).toMatchObject({ kind: "committed" });
  });

  test("[K21] offsets alone are a transaction, batches alone are one, and nothing is done without a request", async () => {
    const proxy = await startFaultProxy();
    const bench = await transactionBench();
    const manager = managerOf(bench, { version, via: proxy.via });
    await manager.open();
    const full = transactionOf(bench, "full", 1n);
    expect(await manager.run({ ...full, batches: [] })).toEqual({ kind: "committed", written: [], batches: [] });
    await until(async () => (await seen(bench)).offsets[0] === "1 full", 5000, "the markers are written");
    expect(await seen(bench)).toEqual({ values: [], offsets: ["1 full", "1 full"] });
    expect(await manager.run({ ...full, offsets: [] })).toMatchObject({ kind: "committed", written: [{ offset: 1n }, { offset: 1n }] });
    proxy.resetCounts();
    expect(await manager.run({ ...full, batches: [], offsets: [] })).toEqual({ kind: "committed", written: [], batches: [] });
    expect(proxy.counts()).toEqual({});
    await manager.close();
    await proxy.close();
  });

  test("[K24] a commit takes one request of each kind, however many partitions it writes to", async () => {
    const proxy = await startFaultProxy();
    const bench = await transactionBench({ partitions: 24 });
    const manager = managerOf(bench, { version, via: proxy.via });
    await manager.open();
    const wide = (text: string): ReturnType<typeof transactionOf> => {
      const some = transactionOf(bench, text, 1n);
      return { ...some, batches: Array.from({ length: 24 }, (_, partition) => ({ ...batches(bench.topic, text), partition })) };
    };
    expect(await manager.run(wide("first"))).toMatchObject({ kind: "committed" });
    await until(async () => (await seen(bench)).values.length === 24, 10_000, "the markers are written");
    proxy.resetCounts();
    expect(await manager.run(wide("second"))).toMatchObject({ kind: "committed" });
    const requests = Object.fromEntries(Object.entries(proxy.counts()).map(([api, { requests: count }]) => [api, count]));
    const ofBoth = { Produce: 1, TxnOffsetCommit: 1, EndTxn: 1 };
    expect(requests).toEqual(version === 2 ? ofBoth : { ...ofBoth, AddPartitionsToTxn: 1, AddOffsetsToTxn: 1 });
    await manager.close();
    await proxy.close();
  });

  test("[K24] what is too much for one request goes in several", async () => {
    const proxy = await startFaultProxy();
    const bench = await transactionBench({ partitions: 24 });
    const manager = managerOf(bench, { version, via: proxy.via });
    await manager.open();
    const text = "x".repeat(800_000);
    const large = Array.from({ length: 24 }, (_, partition) => ({ ...batches(bench.topic, text), partition }));
    expect(await manager.run({ ...transactionOf(bench, "large", 1n), batches: large })).toMatchObject({
      kind: "committed",
      written: large.map(({ topic, partition }) => ({ topic, partition, offset: 1n })),
    });
    expect(proxy.counts()["Produce"]!.requests).toBe(2);
    await manager.close();
    await proxy.close();
  });

  test("[K25] transactions one behind the other wait for the markers of the one before, and for nothing else", async () => {
    const bench = await transactionBench();
    const retried: string[] = [];
    const manager = managerOf(bench, { version, onRetry: ({ ids }) => void retried.push(...ids) });
    await manager.open();
    for (let n = 0; n < 40; n++) expect(await manager.run(transactionOf(bench, `${n}`, BigInt(n)))).toMatchObject({ kind: "committed" });
    expect(new Set(retried).difference(new Set(["CONCURRENT_TRANSACTIONS"]))).toEqual(new Set());
    await until(async () => (await seen(bench)).values.length === 80, 30_000, "the markers are written");
    expect((await seen(bench)).offsets).toEqual(["39 39", "39 39"]);
  });

  test("[K10] without being told the manager speaks the version that the cluster has", async () => {
    const bench = await transactionBench();
    const manager = managerOf(bench);
    await manager.open();
    expect(await manager.run(transactionOf(bench, "a", 1n))).toMatchObject({ kind: "committed" });
    expect([0, 1]).toContain(manager.identity.producerEpoch);
    await manager.close();
  });
});
