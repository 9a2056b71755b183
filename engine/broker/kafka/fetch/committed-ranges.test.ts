import { expect, test } from "vitest";
import { valueOf } from "#broker/record-batch.ts";
import { listOffsets } from "../admin/offsets.ts";
import { ensureCompacted } from "../admin/topic-admin.ts";
import { describeKafka, openClient, uniqueName } from "../proving/kafka-test.ts";
import { RawWriter } from "../proving/raw-writer.ts";
import { committedRanges, type CommittedRange } from "./committed-ranges.ts";

const records = (...values: string[]) => values.map((value) => ({ value, key: value }));

describeKafka("committed ranges", () => {
  const client = openClient("restore");

  async function freshChangelog(partitions: number): Promise<string> {
    const name = uniqueName("ranges");
    await ensureCompacted(client, [{ name, partitions }], { replication: 1 });
    return name;
  }

  async function toHighWatermark(topic: string, partitions: readonly number[]): Promise<CommittedRange[]> {
    const places = partitions.map((partition) => ({ topic, partition }));
    const ends = await listOffsets(client, places, { at: { kind: "high-watermark" } });
    return ends.map(({ offset, ...place }) => ({ ...place, from: 0n, to: offset }));
  }

  async function textsOf(ranges: readonly CommittedRange[], maxBytes = 1 << 20): Promise<Map<number, string[]>> {
    const found = new Map<number, string[]>();
    const next = new Map<number, bigint>();
    await committedRanges(client, ranges, {
      maxBytes,
      each: (read) => {
        expect(read.next).toBeGreaterThan(next.get(read.partition) ?? 0n);
        next.set(read.partition, read.next);
        const texts = read.parts.flatMap(({ index }) => Array.from({ length: index.count }, (_, i) => valueOf(index, i)!.toString()));
        found.set(read.partition, [...(found.get(read.partition) ?? []), ...texts]);
      },
    });
    for (const { partition, from, to } of ranges) expect(next.get(partition) ?? from).toBe(to);
    return found;
  }

  test("[K58] all that is committed before the goals is read, over markers and aborted records, for every size of answers", async () => {
    const topic = await freshChangelog(3);
    const writer = await RawWriter.open(client, uniqueName("writer"));
    const expected = new Map<number, string[]>([0, 1].map((partition) => [partition, []]));
    for (let round = 0; round < 12; round++) {
      const how = round % 3 === 2 ? "abort" : "commit";
      for (const partition of [0, 1]) {
        const texts = [`${round}/${partition}/a`, `${round}/${partition}/b ${"x".repeat(200)}`];
        await writer.write(topic, partition, records(...texts), round % 2 === 0 ? "lz4" : "none");
        if (how === "commit") expected.get(partition)!.push(...texts);
      }
      await writer.end(how);
    }
    const ranges = await toHighWatermark(topic, [0, 1, 2]);
    for (const maxBytes of [1, 700, 1 << 20]) expect(await textsOf(ranges, maxBytes)).toEqual(expected);
    await writer.write(topic, 0, records("behind the goal"));
    await writer.end("commit");
    expect(await textsOf(ranges)).toEqual(expected);
    const half = ranges[0]!.to / 2n;
    const rest = await textsOf([{ ...ranges[0]!, from: half }]);
    expect(expected.get(0)!.slice(-rest.get(0)!.length)).toEqual(rest.get(0));
  });

  test("[K58] a transaction that is open before a goal is waited for, and what else there is comes meanwhile", async () => {
    const topic = await freshChangelog(2);
    const id = uniqueName("open");
    const open = await RawWriter.open(client, id);
    const plain = await RawWriter.open(client);
    await open.write(topic, 0, records("a"));
    await open.end("commit");
    await open.write(topic, 0, records("b"));
    await plain.write(topic, 0, records("c"));
    await plain.write(topic, 1, records("d"));
    const seen: string[] = [];
    const all = Promise.withResolvers<void>();
    const ranges = await toHighWatermark(topic, [0, 1]);
    const reading = committedRanges(client, ranges, {
      each: ({ parts }) => {
        for (const { index } of parts) for (let i = 0; i < index.count; i++) seen.push(valueOf(index, i)!.toString());
        if (seen.includes("a") && seen.includes("d")) all.resolve();
      },
    });
    await all.promise;
    expect(seen.toSorted()).toEqual(["a", "d"]);
    // A successor ends what was left open.
    await RawWriter.open(client, id);
    await reading;
    expect(seen.toSorted()).toEqual(["a", "c", "d"]);
  });

  test("[K58] reading stops when it is told to, while it waits too, and when who reads throws", async () => {
    const topic = await freshChangelog(1);
    const writer = await RawWriter.open(client, uniqueName("open"));
    await writer.write(topic, 0, records("a"));
    const ranges = await toHighWatermark(topic, [0]);
    const stop = new AbortController();
    const waiting = committedRanges(client, ranges, { each: () => undefined, signal: stop.signal });
    const stopped = expect(waiting).rejects.toThrow(/abort/i);
    await listOffsets(client, ranges, { at: { kind: "earliest" } });
    stop.abort();
    await stopped;
    await writer.end("commit");
    const each = () => {
      throw new Error("full");
    };
    await expect(committedRanges(client, ranges, { each })).rejects.toThrow("full");
  });

  test("[K58] a range whose beginning the partition does not hold is an error, an empty one is done at once", async () => {
    const topic = await freshChangelog(1);
    const each = () => expect.fail("there is nothing to read");
    const reading = committedRanges(client, [{ topic, partition: 0, from: 5n, to: 9n }], { each });
    await expect(reading).rejects.toMatchObject({ code: "BROKER_OFFSET_OUT_OF_RANGE", at: `${topic}[0]@5` });
    await committedRanges(client, [{ topic, partition: 0, from: 0n, to: 0n }], { each });
    await committedRanges(client, [], { each });
  });
});
