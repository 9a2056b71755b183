import { afterEach, beforeEach, expect, test } from "vitest";
import { type FetchedBatch, type FetchLimits, type Position } from "#broker/broker.ts";
import { valueOf } from "#broker/record-batch.ts";
import { seededRandom } from "../../conformance-harness.ts";
import { type FaultProxy, startFaultProxy } from "../proving/fault-proxy.ts";
import { clusterSettings, createTopic, describeKafka, openClient } from "../proving/kafka-test.ts";
import { RawWriter } from "../proving/raw-writer.ts";
import { Fetcher } from "./fetcher.ts";

const at = (topic: string, partition: number, offset: bigint): Position => ({ topic, partition, offset });

describeKafka("fetcher behind a network", () => {
  const client = openClient("test");
  let proxy: FaultProxy;
  let fetcher: Fetcher;
  beforeEach(async () => {
    proxy = await startFaultProxy();
    fetcher = new Fetcher(clusterSettings({ via: proxy.via }));
  });
  afterEach(async () => {
    await fetcher.close();
    await proxy.close();
  });

  const textsFrom = ({ index, baseOffset }: FetchedBatch, from: bigint): string[] =>
    Array.from({ length: index.count }, (_, i) => i)
      .filter((i) => baseOffset + BigInt(index.numbers[i]!) >= from)
      .map((i) => valueOf(index, i)!.toString());

  test("[K59] whoever seeks, pauses a partition or goes on finds what lies there, whatever was read ahead", async () => {
    const random = seededRandom("K59");
    const below = (limit: number): number => Math.floor(random() * limit);
    const topic = await createTopic("ahead", 3);
    const writers = await Promise.all([0, 1, 2].map(() => RawWriter.open(client)));
    const written: string[][] = [[], [], []];
    const write = async (partition: number): Promise<void> => {
      const values = Array.from(
        { length: 1 + below(5) },
        (_, i) => `${partition}/${written[partition]!.length + i} ${"x".repeat(below(200))}`,
      );
      await writers[partition]!.write(
        topic,
        partition,
        values.map((value) => ({ value })),
      );
      written[partition]!.push(...values);
    };
    for (let i = 0; i < 90; i++) await write(i % 3);
    const next = [0n, 0n, 0n];
    for (let call = 0; call < 300; call++) {
      if (random() < 0.1) await write(below(3));
      if (random() < 0.1) {
        const partition = below(3);
        next[partition] = BigInt(below(written[partition]!.length + 1));
      }
      const chosen = [0, 1, 2].filter(() => random() < 0.8);
      const limits: FetchLimits = { maxBytes: 200 + below(2000), maxBytesPerPartition: 1000, maxWaitMs: 0 };
      const ends = chosen.map((partition) => BigInt(written[partition]!.length));
      const fetched = await fetcher.fetch(
        chosen.map((partition) => at(topic, partition, next[partition]!)),
        limits,
      );
      expect([...new Set(fetched.map(({ partition }) => partition))]).toEqual(chosen);
      for (const batch of fetched) {
        const from = next[batch.partition]!;
        expect(textsFrom(batch, from)).toEqual(written[batch.partition]!.slice(Number(from), Number(batch.next)));
        next[batch.partition] = batch.next;
      }
      // Whoever is told that it has all has all that was there when it asked.
      for (const { partition, next: behind, end } of fetched.filter(({ partition }, i) => fetched[i + 1]?.partition !== partition)) {
        if (behind === end) expect(end).toBeGreaterThanOrEqual(ends[chosen.indexOf(partition)]!);
      }
    }
  });

  test("[K59] reading on costs a request a call, none twice", async () => {
    const topic = await createTopic("ahead", 2);
    const writer = await RawWriter.open(client);
    const value = "x".repeat(1000);
    for (let i = 0; i < 80; i++) await writer.write(topic, i % 2, [{ value }]);
    const next = [0n, 0n];
    let calls = 0;
    let count = 0;
    while (next.some((offset) => offset < 40n)) {
      calls += 1;
      for (const batch of await fetcher.fetch([at(topic, 0, next[0]!), at(topic, 1, next[1]!)], {
        maxBytes: 5000,
        maxBytesPerPartition: 2500,
        maxWaitMs: 0,
      })) {
        next[batch.partition] = batch.next;
        count += batch.count;
      }
    }
    expect(count).toBe(80);
    const { Fetch } = proxy.counts();
    expect(Fetch!.requests).toBeLessThanOrEqual(calls + 2);
    expect(Fetch!.answerBytes).toBeLessThan(80 * 1000 * 1.5);
  });

  test("[K56] broken connections and lost answers cost no record and double none", async () => {
    const random = seededRandom("K56");
    const topic = await createTopic("faults");
    const writer = await RawWriter.open(client);
    const expected: string[] = [];
    for (let i = 0; i < 100; i++) {
      const value = `${i} ${"x".repeat(500)}`;
      await writer.write(topic, 0, [{ value }]);
      expected.push(value);
    }
    const found: string[] = [];
    for (let next = 0n; next < 100n;) {
      const fault = random();
      if (fault < 0.2) proxy.cut();
      else if (fault < 0.4) proxy.loseAnswer({ api: "Fetch", outcome: random() < 0.5 ? "done" : "undone", times: 2 });
      else if (fault < 0.5) proxy.loseAnswer({ api: "Metadata", outcome: "done" });
      else if (fault < 0.6) proxy.stall();
      const fetching = fetcher.fetch([at(topic, 0, next)], { maxBytes: 5000, maxBytesPerPartition: 5000, maxWaitMs: 100 });
      if (fault < 0.2 || (fault >= 0.5 && fault < 0.6)) await Promise.race([fetching, new Promise((later) => setTimeout(later, 100))]);
      proxy.heal();
      for (const batch of await fetching) {
        found.push(...textsFrom(batch, next));
        next = batch.next;
      }
    }
    expect(found).toEqual(expected);
  });

  test("[K53] a wait whose connection breaks is still woken, and still ends in time", async () => {
    const topic = await createTopic("faults");
    const writer = await RawWriter.open(client);
    const limits: FetchLimits = { maxBytes: 5000, maxBytesPerPartition: 5000, maxWaitMs: 20_000 };
    const waits = new Promise<void>((hung) => {
      let fetches = 0;
      proxy.onRequest("Fetch", () => {
        fetches += 1;
        if (fetches === 2) hung();
      });
    });
    const waiting = fetcher.fetch([at(topic, 0, 0n)], limits);
    await waits;
    proxy.cut();
    proxy.heal();
    await writer.write(topic, 0, [{ value: "seen" }]);
    expect((await waiting).flatMap((batch) => textsFrom(batch, 0n))).toEqual(["seen"]);
    const again = fetcher.fetch([at(topic, 0, 1n)], { ...limits, maxWaitMs: 500 });
    proxy.loseAnswer({ api: "Fetch", outcome: "undone", times: 3 });
    expect(await again).toMatchObject([{ count: 0, next: 1n }]);
  });
});
