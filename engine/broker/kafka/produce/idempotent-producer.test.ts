import { afterEach, beforeEach, expect, test } from "vitest";
import { KafkaBatchWriter } from "../codec/batch-writer.ts";
import { type FaultProxy, startFaultProxy } from "../proving/fault-proxy.ts";
import { readCommitted } from "../proving/independent-readers.ts";
import { bootstrapText, createTopic, describeKafka, openClient, uniqueName } from "../proving/kafka-test.ts";
import { IdempotentProducer, type IdempotentSettings } from "./idempotent-producer.ts";
import type { PartitionBatches } from "./partition-batches.ts";

/** Each text is a record batch, its words are the records. */
function batches(topic: string, partition: number, ...texts: readonly string[]): PartitionBatches {
  const writer = new KafkaBatchWriter();
  const written = texts.flatMap((text) => {
    for (const word of text.split(" ")) writer.addRecord(null, Buffer.from(word), Date.now());
    return writer.take();
  });
  return { topic, partition, batches: written };
}

const valuesOf = async (topic: string, partition: number): Promise<string[]> => {
  const records = await readCommitted(bootstrapText(), topic);
  return records.filter((record) => record.partition === partition).map(({ value }) => value!.toString());
};

describeKafka("producing outside of transactions", () => {
  let proxy: FaultProxy;
  let producer: IdempotentProducer;
  const open = (settings: Partial<IdempotentSettings> = {}, requestTimeoutMs = 10_000): IdempotentProducer => {
    producer = new IdempotentProducer({ client: openClient("produce", { via: proxy.via, requestTimeoutMs }), ...settings });
    return producer;
  };
  beforeEach(async () => {
    proxy = await startFaultProxy();
  });
  afterEach(async () => {
    await producer.close(1000);
    await proxy.close();
  });

  test("[K26] batches lie where the answer says, in the order of the calls, while calls do not wait for each other", async () => {
    const topic = await createTopic("plain", 3);
    open();
    const calls = Array.from({ length: 30 }, (_, n) =>
      producer.send([0, 1, 2].map((partition) => batches(topic, partition, `${n}`, `${n}b ${n}c`))),
    );
    const bytes = producer.pendingBytes;
    expect(bytes).toBeGreaterThan(90 * 2 * 61);
    const outcomes = await Promise.all(calls);
    for (const [n, outcome] of outcomes.entries()) {
      const bases = [BigInt(3 * n), BigInt(3 * n + 1)];
      expect(outcome).toEqual([0, 1, 2].map((partition) => ({ kind: "written", topic, partition, bases })));
    }
    expect(producer.pendingBytes).toBe(0);
    const expected = Array.from({ length: 30 }, (_, n) => [`${n}`, `${n}b`, `${n}c`]).flat();
    for (const partition of [0, 1, 2]) expect(await valuesOf(topic, partition)).toEqual(expected);
    // What comes while a partition waits for an answer goes out together with what else is ready.
    expect(proxy.counts()["Produce"]!.requests).toBeLessThanOrEqual(30 * 2 * 3);
  });

  test.each(["done", "undone"] as const)(
    "[K27] a batch that is %s and its answer lost is there once, before what follows it",
    async (outcome) => {
      const topic = await createTopic("plain", 2);
      open();
      let sent = 0;
      proxy.onRequest("Produce", () => {
        if (++sent % 3 === 0) proxy.loseAnswer({ api: "Produce", outcome });
      });
      const calls = Array.from({ length: 20 }, (_, n) => producer.send([0, 1].map((partition) => batches(topic, partition, `${n}`))));
      for (const [n, outcomes] of (await Promise.all(calls)).entries()) {
        expect(outcomes).toEqual([0, 1].map((partition) => ({ kind: "written", topic, partition, bases: [BigInt(n)] })));
      }
      for (const partition of [0, 1]) expect(await valuesOf(topic, partition)).toEqual(Array.from({ length: 20 }, (_, n) => `${n}`));
    },
  );

  test("[K28] a batch that is refused fails alone: nothing behind it in its call is sent, all else is written", async () => {
    const topic = await createTopic("plain", 2, { "max.message.bytes": "1000" });
    open();
    const large = "l".repeat(2000);
    const [first, second] = await Promise.all([
      producer.send([batches(topic, 0, "a", large, "never"), batches(topic, 1, "b")]),
      producer.send([batches(topic, 0, "c")]),
    ]);
    expect(first).toMatchObject([
      { kind: "failed", partition: 0, bases: [0n], uncertain: false, error: { ids: ["MESSAGE_TOO_LARGE"] } },
      { kind: "written", partition: 1, bases: [0n] },
    ]);
    expect(second).toMatchObject([{ kind: "written", bases: [1n] }]);
    expect(await valuesOf(topic, 0)).toEqual(["a", "c"]);
    const nowhere = uniqueName("nowhere");
    expect(await producer.send([batches(nowhere, 0, "lost"), batches(topic, 1, "d")])).toMatchObject([
      { kind: "failed", uncertain: false, error: { ids: ["UNKNOWN_TOPIC_OR_PARTITION"] } },
      { kind: "written", bases: [1n] },
    ]);
  });

  test("[K28] with the brokers away every batch fails a little after its deadline, and says whether it may be there; afterwards it goes on", async () => {
    const topic = await createTopic("plain", 1);
    open({ deadlineMs: 700 });
    expect(await producer.send([batches(topic, 0, "before")])).toMatchObject([{ kind: "written" }]);
    let cut = false;
    const stop = proxy.onRequest("Produce", () => {
      proxy.loseAnswer({ api: "Produce", outcome: cut ? "undone" : "done" });
      cut = true;
    });
    const stopLooking = proxy.onRequest("OffsetForLeaderEpoch", () => proxy.loseAnswer({ api: "OffsetForLeaderEpoch", outcome: "undone" }));
    const began = performance.now();
    const [first, second] = await Promise.all([
      producer.send([batches(topic, 0, "perhaps")]),
      producer.send([batches(topic, 0, "behind")]),
    ]);
    expect(first).toMatchObject([{ kind: "failed", uncertain: true, bases: [], error: { ids: ["NETWORK"] } }]);
    expect(second).toMatchObject([{ kind: "failed", bases: [] }]);
    expect(performance.now() - began).toBeLessThan(10_000);
    stop();
    stopLooking();
    expect(await producer.send([batches(topic, 0, "after")])).toMatchObject([{ kind: "written", bases: [2n] }]);
    expect(await valuesOf(topic, 0)).toEqual(["before", "perhaps", "after"]);
  });

  test("[K27] a batch that is there and can't be sent again is told as written", async () => {
    const topic = await createTopic("plain", 1);
    open({ deadlineMs: 2000 });
    let sent = 0;
    proxy.onRequest("Produce", () => proxy.loseAnswer({ api: "Produce", outcome: sent++ === 0 ? "done" : "undone" }));
    expect(await producer.send([batches(topic, 0, "only")])).toMatchObject([{ kind: "written", bases: [0n] }]);
    expect(await valuesOf(topic, 0)).toEqual(["only"]);
    expect(sent).toBe(1);
  });

  test("[K28] with no broker at all nothing is sent, so that is certain", async () => {
    open({ deadlineMs: 300 });
    proxy.cut();
    // No listener has been given to a broker yet, so all refuse.
    const [outcome] = await producer.send([batches("anything", 0, "never")]);
    expect(outcome).toMatchObject({ kind: "failed", uncertain: false, error: { ids: ["NETWORK"] } });
    await producer.close(100);
    await expect(producer.send([])).rejects.toMatchObject({ ids: ["CLOSED"] });
  });

  test("[K29] before sequence numbers end the producer goes on under another id, with nothing lost or double", async () => {
    const topic = await createTopic("plain", 1);
    open({ firstSequence: 2 ** 31 - 5 });
    for (const text of ["a b", "c d e", "f", "g h"])
      expect(await producer.send([batches(topic, 0, text)])).toMatchObject([{ kind: "written" }]);
    expect(await valuesOf(topic, 0)).toEqual("a b c d e f g h".split(" "));
    expect(proxy.counts()["InitProducerId"]!.requests).toBe(2);
  });
});
