import { deleteTopicsV6 } from "@platformatic/kafka";
import { afterAll, expect, test } from "vitest";
import { earliest, type FetchedBatch, type FetchLimits, type Position } from "#broker/broker.ts";
import { keyTextOf, valueOf } from "#broker/record-batch.ts";
import { seededRandom } from "../../conformance-harness.ts";
import { deleteRecords } from "../admin/delete-records.ts";
import { ensureTopics } from "../admin/topic-admin.ts";
import { clusterSettings, describeKafka, openClient, uniqueName, until } from "../proving/kafka-test.ts";
import { RawWriter } from "../proving/raw-writer.ts";
import { Fetcher } from "./fetcher.ts";

const atOnce: FetchLimits = { maxBytes: 1 << 24, maxBytesPerPartition: 1 << 24, maxWaitMs: 0 };
const at = (topic: string, partition: number, offset: bigint): Position => ({ topic, partition, offset });
const records = (...values: string[]) => values.map((value) => ({ value }));

const textsOf = ({ index }: FetchedBatch): string[] => Array.from({ length: index.count }, (_, i) => valueOf(index, i)!.toString());

describeKafka("fetcher", () => {
  const client = openClient("test");
  const fetcher = new Fetcher(clusterSettings());
  afterAll(() => fetcher.close());

  async function freshTopic(partitions = 1): Promise<string> {
    const name = uniqueName("fetch");
    await ensureTopics(client, [{ name, partitions, retention: { kind: "forever" } }], { replication: 1 });
    return name;
  }

  /** Everything of partition 0 as readers see it, by many fetches. */
  async function readAll(topic: string, limits: FetchLimits = atOnce): Promise<{ texts: string[]; offsets: bigint[]; next: bigint }> {
    const texts: string[] = [];
    const offsets: bigint[] = [];
    for (let next: bigint = earliest; ;) {
      const batches = await fetcher.fetch([at(topic, 0, next)], limits);
      for (const batch of batches) {
        texts.push(...textsOf(batch));
        for (const number of batch.index.numbers) offsets.push(batch.baseOffset + BigInt(number));
        expect(batch.next).toBeGreaterThanOrEqual(batch.baseOffset);
        next = batch.next;
      }
      if (next >= batches.at(-1)!.end) return { texts, offsets, next };
    }
  }

  test("[K50] each position is answered in the order asked: batches, or the news that there are none, with end and log start", async () => {
    const topic = await freshTopic(3);
    const writer = await RawWriter.open(client);
    await writer.write(topic, 1, [
      { key: "k", value: "a", timestamp: 7 },
      { value: "b", timestamp: 9 },
    ]);
    // A fetch answers from one segment of the log, and Kafka begins another one where times are a week apart.
    await writer.write(topic, 1, [{ value: "c", timestamp: 8 }]);
    const [none, first, second, other] = await fetcher.fetch([at(topic, 2, 0n), at(topic, 1, earliest), at(topic, 0, 0n)], atOnce);
    expect(none).toMatchObject({ partition: 2, kind: "records", count: 0, next: 0n, end: 0n, logStart: 0n, appendedAtMs: 0 });
    expect(first).toMatchObject({ topic, partition: 1, count: 2, baseOffset: 0n, next: 2n, end: 3n, logStart: 0n, appendedAtMs: 9 });
    expect([keyTextOf(first!.index, 0), [...first!.index.timestamps]]).toEqual(["k", [7, 9]]);
    expect(second).toMatchObject({ partition: 1, count: 1, baseOffset: 2n, next: 3n, end: 3n });
    expect(other).toMatchObject({ partition: 0, count: 0 });
  });

  test("[K50] a batch that holds the position comes whole, and batches of every compression are read", async () => {
    const topic = await freshTopic();
    const writer = await RawWriter.open(client);
    const values = Array.from({ length: 50 }, (_, i) => `value ${i % 7} of many`);
    for (const compression of ["none", "gzip", "snappy", "lz4", "zstd"] as const) {
      await writer.write(
        topic,
        0,
        values.map((value) => ({ value: `${compression} ${value}` })),
        compression,
      );
    }
    const { texts, offsets } = await readAll(topic);
    expect(texts).toEqual(["none", "gzip", "snappy", "lz4", "zstd"].flatMap((kind) => values.map((value) => `${kind} ${value}`)));
    expect(offsets).toEqual(offsets.map((_, i) => BigInt(i)));
    const [inside] = await fetcher.fetch([at(topic, 0, 75n)], atOnce);
    expect(inside).toMatchObject({ baseOffset: 50n, count: 50, next: 100n });
  });

  test("[K128] batches of some bytes that hold very many are read a few at a time, each partition in its turn", async () => {
    const topic = await freshTopic(2);
    const writer = await RawWriter.open(client);
    const value = "0".repeat(30 << 20);
    for (const partition of [0, 1]) for (let i = 0; i < 4; i++) await writer.write(topic, partition, [{ value }], "zstd");
    const next = [0n, 0n];
    for (const deadline = performance.now() + 20_000; next.some((offset) => offset < 4n);) {
      const batches = await fetcher.fetch([at(topic, 0, next[0]!), at(topic, 1, next[1]!)], atOnce);
      // What was read ahead, and what is read now: up to three of 30 MiB each.
      expect(batches.reduce((sum, { index }) => sum + index.bytes.length, 0)).toBeLessThan(200 << 20);
      for (const batch of batches) next[batch.partition] = batch.next;
      expect(Math.abs(Number(next[0]! - next[1]!))).toBeLessThanOrEqual(3);
      expect(performance.now()).toBeLessThan(deadline);
    }
    expect(next).toEqual([4n, 4n]);
  });

  test("[K51] of several aborted transactions of one producer in one answer none is read, and the committed ones all are", async () => {
    const topic = await freshTopic();
    const writer = await RawWriter.open(client, uniqueName("aborting"));
    const expected: string[] = [];
    for (const [i, how] of (["commit", "abort", "abort", "commit", "abort", "commit"] as const).entries()) {
      await writer.write(topic, 0, records(`${i}a ${how}`, `${i}b ${how}`));
      await writer.write(topic, 0, records(`${i}c ${how}`));
      await writer.end(how);
      if (how === "commit") expected.push(`${i}a ${how}`, `${i}b ${how}`, `${i}c ${how}`);
    }
    await until(async () => (await readAll(topic)).next === 24n, 10_000, "all markers written");
    expect((await readAll(topic)).texts).toEqual(expected);
    const batches = await fetcher.fetch([at(topic, 0, 0n)], atOnce);
    expect(batches.at(-1)).toMatchObject({ next: 24n, end: 24n });
    expect(await readAll(topic, { ...atOnce, maxBytesPerPartition: 1 })).toMatchObject({ texts: expected, next: 24n });
  });

  test("[K51] an abort whose marker comes in a later answer is not read, whatever the size of answers", async () => {
    const topic = await freshTopic();
    const [aborting, committing, plain] = await Promise.all([
      RawWriter.open(client, uniqueName("aborting")),
      RawWriter.open(client, uniqueName("committing")),
      RawWriter.open(client),
    ]);
    const text = "x".repeat(300);
    for (let i = 0; i < 10; i++) {
      await aborting.write(topic, 0, records(`aborted ${i} ${text}`));
      await committing.write(topic, 0, records(`committed ${i} ${text}`));
      await plain.write(topic, 0, records(`plain ${i} ${text}`));
    }
    await aborting.end("abort");
    await committing.end("commit");
    await until(async () => (await readAll(topic)).next === 32n, 10_000, "both markers written");
    const expected = Array.from({ length: 10 }, (_, i) => [`committed ${i} ${text}`, `plain ${i} ${text}`]).flat();
    for (const maxBytes of [1, 500, 1000, 3000, 1 << 20]) {
      expect((await readAll(topic, { maxBytes, maxBytesPerPartition: maxBytes, maxWaitMs: 0 })).texts).toEqual(expected);
      expect((await readAll(topic, { maxBytes, maxBytesPerPartition: maxBytes, maxWaitMs: 1000 })).texts).toEqual(expected);
    }
  });

  test("[K52] the end stays before an open transaction and nothing behind it is read; when it ends, what waited is", async () => {
    const topic = await freshTopic();
    const plain = await RawWriter.open(client);
    const open = await RawWriter.open(client, uniqueName("open"));
    await plain.write(topic, 0, records("before"));
    await open.write(topic, 0, records("within"));
    await plain.write(topic, 0, records("behind"));
    expect(await readAll(topic)).toMatchObject({ texts: ["before"], next: 1n });
    const waiting = fetcher.fetch([at(topic, 0, 1n)], { ...atOnce, maxWaitMs: 20_000 });
    await open.end("commit");
    expect((await waiting).flatMap(textsOf)).toEqual(["within", "behind"]);
    expect((await waiting).at(-1)).toMatchObject({ next: 4n, end: 4n });
  });

  test("[K53] a fetch that finds nothing waits, is woken by a record of any of its partitions, and takes no longer than asked", async () => {
    const topic = await freshTopic(3);
    const writer = await RawWriter.open(client);
    const before = performance.now();
    const asked = [at(topic, 0, 0n), at(topic, 2, earliest)];
    expect(await fetcher.fetch(asked, { ...atOnce, maxWaitMs: 50 })).toMatchObject([{ count: 0 }, { count: 0 }]);
    expect(performance.now() - before).toBeGreaterThanOrEqual(45);
    const waiting = fetcher.fetch(asked, { ...atOnce, maxWaitMs: 20_000 });
    await writer.write(topic, 1, records("nobody asked"));
    await writer.write(topic, 2, records("woken"));
    expect((await waiting).map(({ partition, index }) => [partition, index.count])).toEqual([
      [0, 0],
      [2, 1],
    ]);
    expect(performance.now() - before).toBeLessThan(10_000);
  });

  test("[K53] a fetch that waits holds up no other, and one that is given up costs the next nothing", async () => {
    const topic = await freshTopic(2);
    const given = fetcher.fetch([at(topic, 0, 0n)], { ...atOnce, maxWaitMs: 20_000 });
    const before = performance.now();
    for (let i = 0; i < 5; i++) expect(await fetcher.fetch([at(topic, 0, 0n), at(topic, 1, 0n)], atOnce)).toHaveLength(2);
    expect(performance.now() - before).toBeLessThan(10_000);
    const writer = await RawWriter.open(client);
    await writer.write(topic, 0, records("once"));
    expect((await fetcher.fetch([at(topic, 0, 0n)], atOnce)).flatMap(textsOf)).toEqual(["once"]);
    expect((await given).flatMap(textsOf)).toEqual(["once"]);
  });

  test("[K53] aborted records alone do not end the wait", async () => {
    const topic = await freshTopic();
    const writer = await RawWriter.open(client, uniqueName("aborting"));
    const waiting = fetcher.fetch([at(topic, 0, 0n)], { ...atOnce, maxWaitMs: 20_000 });
    await writer.write(topic, 0, records("never"));
    await writer.end("abort");
    await writer.write(topic, 0, records("seen"));
    await writer.end("commit");
    expect((await waiting).flatMap(textsOf)).toEqual(["seen"]);
  });

  test("[K54] bounds are soft: one batch always fits, and partitions take turns", async () => {
    const topic = await freshTopic(3);
    const writer = await RawWriter.open(client);
    const big = "x".repeat(10_000);
    for (const partition of [0, 1, 2]) for (let i = 0; i < 3; i++) await writer.write(topic, partition, records(big));
    const positions = new Map([0, 1, 2].map((partition) => [partition, 0n]));
    const served: number[] = [];
    for (let call = 0; call < 9; call++) {
      const asked = [...positions].map(([partition, offset]) => at(topic, partition, offset));
      const answers = await fetcher.fetch(asked, { maxBytes: 1, maxBytesPerPartition: 1, maxWaitMs: 0 });
      for (const { partition, count, next, end } of answers) {
        positions.set(partition, next);
        if (count > 0) served.push(partition);
        else expect(next).toBeLessThanOrEqual(end);
      }
      expect(served).toHaveLength(call + 1);
    }
    for (const turn of [0, 3, 6]) expect(new Set(served.slice(turn, turn + 3)).size).toBe(3);
  });

  test("[K55] what the partition does not hold is out of range, never read on silently; the earliest follows the log start", async () => {
    const topic = await freshTopic();
    const writer = await RawWriter.open(client);
    await writer.write(topic, 0, records("a"));
    await writer.write(topic, 0, records("b"));
    await deleteRecords(client, [at(topic, 0, 1n)]);
    for (const offset of [0n, 3n, -2n, 2n ** 62n, 2n ** 200n]) {
      await expect(fetcher.fetch([at(topic, 0, offset)], atOnce)).rejects.toMatchObject({
        code: "BROKER_OFFSET_OUT_OF_RANGE",
        at: `${topic}[0]@${offset}`,
      });
    }
    await expect(fetcher.fetch([at(topic, 0, 0n)], atOnce)).rejects.toThrow(/holds offsets from 1 up to 2/);
    expect((await fetcher.fetch([at(topic, 0, earliest)], atOnce)).map(textsOf)).toEqual([["b"]]);
    expect(await fetcher.fetch([at(topic, 0, 2n)], atOnce)).toMatchObject([{ count: 0, next: 2n, end: 2n, logStart: 1n }]);
    await deleteRecords(client, [at(topic, 0, 2n)]);
    expect(await fetcher.fetch([at(topic, 0, earliest)], atOnce)).toMatchObject([{ count: 0, next: 2n, end: 2n, logStart: 2n }]);
  });

  test("[K56] topics and partitions that do not exist are errors, and a partition is asked for once in a call", async () => {
    const topic = await freshTopic();
    await expect(fetcher.fetch([at(topic, 1, 0n)], atOnce)).rejects.toMatchObject({ code: "BROKER_UNKNOWN_TOPIC", at: `${topic}[1]` });
    await expect(fetcher.fetch([at(uniqueName("nowhere"), 0, earliest)], atOnce)).rejects.toMatchObject({ code: "BROKER_UNKNOWN_TOPIC" });
    await expect(fetcher.fetch([at(topic, 0, 0n), at(topic, 0, 0n)], atOnce)).rejects.toThrow(RangeError);
  });

  test("[K56] offsets of a topic that was deleted are not read in another of its name", async () => {
    const topic = await freshTopic();
    await (await RawWriter.open(client)).write(topic, 0, records("a", "b"));
    expect(await fetcher.fetch([at(topic, 0, 0n)], atOnce)).toMatchObject([{ count: 2 }]);
    await client.ask(await client.controller(), deleteTopicsV6.api, [[{ name: topic, topicId: null! }], 10_000], "delete");
    await until(async () => (await client.topic(topic, true)) === undefined, 10_000, "the topic to be gone");
    await ensureTopics(client, [{ name: topic, partitions: 1, retention: { kind: "forever" } }], { replication: 1 });
    await (await RawWriter.open(client)).write(topic, 0, records("x", "y", "z"));
    await expect(fetcher.fetch([at(topic, 0, 2n)], atOnce)).rejects.toMatchObject({ code: "BROKER_UNKNOWN_TOPIC", at: topic });
    const fresh = new Fetcher(clusterSettings());
    expect((await fresh.fetch([at(topic, 0, 2n)], atOnce)).flatMap(textsOf)).toEqual(["x", "y", "z"]);
    await fresh.close();
  });

  test("[K57] a closed fetcher refuses, and lets go of who waits", async () => {
    const topic = await freshTopic();
    const own = new Fetcher(clusterSettings());
    const waiting = own.fetch([at(topic, 0, 0n)], { ...atOnce, maxWaitMs: 20_000 });
    const refused = expect(waiting).rejects.toMatchObject({ code: "BROKER_CLOSED" });
    await own.fetch([at(topic, 0, 0n)], atOnce);
    await own.close();
    await refused;
    await expect(own.fetch([at(topic, 0, 0n)], atOnce)).rejects.toMatchObject({ code: "BROKER_CLOSED" });
    await own.close();
  });

  test("[K51] whatever transactions do to each other, what is read is what was committed, for all sizes of answers", async () => {
    const random = seededRandom("K51");
    const topic = await freshTopic();
    const writers = await Promise.all([0, 1, 2].map(() => RawWriter.open(client, uniqueName("random"))));
    const plain = await RawWriter.open(client);
    const open = new Map<RawWriter, string[]>();
    const committed = new Set<string>();
    const written: string[] = [];
    for (let step = 0; step < 120; step++) {
      const writer = writers[Math.floor(random() * writers.length)]!;
      const dice = random();
      if (dice < 0.15) {
        await plain.write(topic, 0, records(`plain ${step}`));
        committed.add(`plain ${step}`);
        written.push(`plain ${step}`);
      } else if (dice < 0.7 || !open.has(writer)) {
        const values = Array.from(
          { length: 1 + Math.floor(random() * 4) },
          (_, i) => `${step}.${i} ${"x".repeat(Math.floor(random() * 200))}`,
        );
        await writer.write(topic, 0, records(...values), random() < 0.3 ? "zstd" : "none");
        written.push(...values);
        open.set(writer, [...(open.get(writer) ?? []), ...values]);
      } else {
        const how = random() < 0.5 ? "commit" : "abort";
        await writer.end(how);
        if (how === "commit") for (const value of open.get(writer)!) committed.add(value);
        open.delete(writer);
      }
    }
    for (const [writer, values] of open) {
      await writer.end("commit");
      for (const value of values) committed.add(value);
    }
    const expected = written.filter((value) => committed.has(value));
    await until(async () => (await readAll(topic)).texts.length === expected.length, 10_000, "the last markers written");
    for (const maxBytes of [1, 200, 1000, 5000, 1 << 20]) {
      expect((await readAll(topic, { maxBytes, maxBytesPerPartition: maxBytes, maxWaitMs: 0 })).texts).toEqual(expected);
    }
  });
});
