import { afterAll, describe, expect, test } from "vitest";
import { earliest } from "#broker/broker.ts";
import { keyTextOf, valueOf } from "#broker/record-batch.ts";
import { seededRandom } from "../../conformance-harness.ts";
import { listOffsets } from "../admin/offsets.ts";
import { ensureTopics } from "../admin/topic-admin.ts";
import { readBatchHeader } from "../codec/batch-header.ts";
import { hasKcat, readCommitted } from "../proving/independent-readers.ts";
import { bootstrapText, clusterSettings, createTopic, describeKafka, openClient, uniqueName, until } from "../proving/kafka-test.ts";
import { type Compression, RawWriter } from "../proving/raw-writer.ts";
import { Fetcher } from "./fetcher.ts";
import { fetchRequest } from "./fetch-request.ts";

type Seen = { readonly partition: number; readonly offset: bigint; readonly key: string | null; readonly value: string | null };

const kcat = await hasKcat();

describeKafka("fetcher beside kcat", () => {
  const client = openClient("test");
  const fetcher = new Fetcher(clusterSettings());
  afterAll(() => fetcher.close());

  async function readAll(topic: string, partitions: number, maxBytes: number): Promise<Seen[]> {
    const seen: Seen[] = [];
    const positions = new Map(Array.from({ length: partitions }, (_, partition) => [partition, earliest as bigint]));
    while (positions.size > 0) {
      const asked = [...positions].map(([partition, offset]) => ({ topic, partition, offset }));
      for (const { partition, index, baseOffset, next, end } of await fetcher.fetch(asked, {
        maxBytes,
        maxBytesPerPartition: maxBytes,
        maxWaitMs: 0,
      })) {
        const from = positions.get(partition) ?? next;
        for (let i = 0; i < index.count; i++) {
          const offset = baseOffset + BigInt(index.numbers[i]!);
          if (offset >= from) seen.push({ partition, offset, key: keyTextOf(index, i), value: valueOf(index, i)?.toString() ?? null });
        }
        if (next >= end) positions.delete(partition);
        else positions.set(partition, next);
      }
    }
    return seen.toSorted((a, b) => a.partition - b.partition || Number(a.offset - b.offset));
  }

  async function readByKcat(topic: string): Promise<Seen[]> {
    const found = await readCommitted(bootstrapText(), topic, "kcat");
    return found.map(({ partition, offset, key, value }) => ({
      partition,
      offset,
      key: key?.toString() ?? null,
      value: value?.toString() ?? null,
    }));
  }

  describe.skipIf(!kcat)("read_committed", () => {
    test("[K51] kcat and this reader see the same records of random transactions, for all sizes of answers", async () => {
      const random = seededRandom("K51 kcat");
      const below = (limit: number): number => Math.floor(random() * limit);
      const topic = uniqueName("kcat");
      await ensureTopics(client, [{ name: topic, partitions: 3, retention: { kind: "forever" } }], { replication: 1 });
      const writers = await Promise.all([0, 1, 2, 3].map((i) => RawWriter.open(client, i === 0 ? undefined : uniqueName("random"))));
      const open = new Set<RawWriter>();
      for (let step = 0; step < 300; step++) {
        const writer = writers[below(writers.length)]!;
        if (open.has(writer) && random() < 0.4) {
          await writer.end(random() < 0.5 ? "commit" : "abort");
          open.delete(writer);
          continue;
        }
        const count = 1 + below(4);
        const records = Array.from({ length: count }, (_, i) => ({
          key: random() < 0.1 ? null : `key ${below(9)}`,
          value: random() < 0.1 ? null : `${step}.${i} ${"x".repeat(below(300))}`,
        }));
        await writer.write(topic, below(3), records, (["none", "gzip", "snappy", "lz4", "zstd"] as Compression[])[below(5)]!);
        if (writer !== writers[0]) open.add(writer);
      }
      // Some stay open: nobody reads behind them.
      const [first] = open;
      for (const writer of open) if (writer !== first) await writer.end("commit");
      const places = [0, 1, 2].map((partition) => ({ topic, partition }));
      const endsAt = async (): Promise<string> =>
        (await listOffsets(client, places, { at: { kind: "stable-end" } })).map(({ offset }) => offset).join();
      let ends = "";
      await until(async () => ends === (ends = await endsAt()), 10_000, "the last markers written");
      const seen = await readByKcat(topic);
      expect(seen.length).toBeGreaterThan(0);
      for (const maxBytes of [1, 300, 3000, 1 << 20]) expect(await readAll(topic, 3, maxBytes)).toEqual(seen);
    });
  });

  test("[K51] batches and markers that compaction has emptied are read over, and kcat sees the same", { timeout: 120_000 }, async () => {
    const topic = await createTopic("emptied", 1, {
      "cleanup.policy": "compact",
      "segment.ms": "100",
      "min.cleanable.dirty.ratio": "0.01",
      "delete.retention.ms": "0",
    });
    // What stays without records: the last batch of a producer that numbers them, and the marker of one that writes no more.
    for (let i = 0; i < 6; i++) {
      const writer = await RawWriter.open(client, uniqueName("emptied"));
      await writer.write(topic, 0, [{ key: "a", value: `a ${i}` }]);
      await writer.end(i % 2 === 0 ? "commit" : "abort");
      await writer.write(topic, 0, [{ key: "b", value: `b ${i}` }]);
      await writer.end(i % 3 === 0 ? "abort" : "commit");
      await (await RawWriter.openIdempotent(client)).write(topic, 0, [{ key: "c", value: `c ${i}` }]);
    }
    const plain = await RawWriter.open(client);
    let beat = 0;
    let written = -Infinity;
    const emptied = await until(
      async () => {
        // Each later record closes the segment before it, which only then is compacted.
        if (performance.now() - written > 500) {
          await plain.write(topic, 0, [{ key: "d", value: `d ${beat++}` }]);
          written = performance.now();
        }
        const { control, data } = await emptiedBatches(topic);
        return control > 0 && data > 0;
      },
      90_000,
      "the log cleaner to empty a marker and a batch",
    );
    expect(emptied).toBe(true);
    const last = await until(
      async () => {
        const [one, other] = [await readAll(topic, 1, 1 << 20), kcat ? await readByKcat(topic) : undefined];
        const again = await readAll(topic, 1, 1);
        // The cleaner may have been at work in between.
        return JSON.stringify([one, one], text) === JSON.stringify([again, other ?? one], text) ? one : undefined;
      },
      30_000,
      "readers to see the same",
    );
    const newest = new Map(last.map(({ key, value }) => [key, value]));
    expect(newest.get("a")).toBe("a 4");
    expect(newest.get("b")).toBe("b 5");
    expect(newest.get("c")).toBe("c 5");
    expect(newest.get("d")).toBe(`d ${beat - 1}`);
  });

  async function emptiedBatches(topic: string): Promise<{ control: number; data: number }> {
    const found = { control: 0, data: 0 };
    const { id, partitions } = (await client.topic(topic))!;
    const { leader, leaderEpoch } = partitions[0]!;
    for (let offset = 0n; ;) {
      const ask = { topic, partition: 0, offset, maxBytes: 1 << 20, topicId: id, leaderEpoch };
      const [answer] = await client.send(leader, fetchRequest([ask], { maxBytes: 1 << 20, maxWaitMs: 0 }), "look for emptied batches");
      if (answer!.records.length === 0) return found;
      for (let at = 0; ;) {
        const header = readBatchHeader(answer!.records, at);
        if (header === undefined) break;
        if (header.count === 0) found[header.control ? "control" : "data"] += 1;
        offset = header.nextOffset;
        at += header.byteLength;
      }
    }
  }
});

const text = (_: string, value: unknown): unknown => (typeof value === "bigint" ? String(value) : value);
