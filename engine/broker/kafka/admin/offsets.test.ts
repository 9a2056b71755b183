import { beforeAll, expect, test } from "vitest";
import { describeKafka, openClient, uniqueName, until } from "../proving/kafka-test.ts";
import { RawWriter } from "../proving/raw-writer.ts";
import { KafkaError } from "../wire/kafka-error.ts";
import { committedOffsets } from "./committed-offsets.ts";
import { deleteRecords } from "./delete-records.ts";
import { listOffsets, type OffsetAt } from "./offsets.ts";
import { ensureTopics } from "./topic-admin.ts";

const records = (...values: string[]) => values.map((value, i) => ({ value, timestamp: 1000 * (i + 1) }));

describeKafka("offsets of Kafka", () => {
  const client = openClient("offsets");
  const topic = uniqueName("offsets");
  beforeAll(() => ensureTopics(client, [{ name: topic, partitions: 6, retention: { kind: "forever" } }], { replication: 1 }));

  const offsetOf = async (partition: number, at: OffsetAt): Promise<bigint> =>
    (await listOffsets(client, [{ topic, partition }], { at }))[0]!.offset;

  test("[K63] the stable end stays before an open transaction, the high watermark goes over it; answers lie as they were asked", async () => {
    const plain = await RawWriter.open(client);
    const open = await RawWriter.open(client, uniqueName("open"));
    await plain.write(topic, 0, records("a", "b"));
    await open.write(topic, 0, records("c"));
    await plain.write(topic, 0, records("d"));
    await plain.write(topic, 1, records("e"));
    const asked = [1, 0, 2].map((partition) => ({ topic, partition }));
    const offsetsAt = async (at: OffsetAt) =>
      (await listOffsets(client, asked, { at })).map(({ partition, offset }) => [partition, offset]);
    expect(await offsetsAt({ kind: "stable-end" })).toEqual([
      [1, 1n],
      [0, 2n],
      [2, 0n],
    ]);
    expect(await offsetsAt({ kind: "high-watermark" })).toEqual([
      [1, 1n],
      [0, 4n],
      [2, 0n],
    ]);
    await open.end("commit");
    expect(await until(async () => (await offsetOf(0, { kind: "stable-end" })) === 5n, 10_000, "the marker to be written")).toBe(true);
  });

  test("[K63] a time is answered with the first record that is not older, or with the end", async () => {
    await (await RawWriter.open(client)).write(topic, 3, records("a", "b", "c"));
    expect(await offsetOf(3, { kind: "time", ms: 0 })).toBe(0n);
    expect(await offsetOf(3, { kind: "time", ms: 1500 })).toBe(1n);
    expect(await offsetOf(3, { kind: "time", ms: 3000 })).toBe(2n);
    expect(await offsetOf(3, { kind: "time", ms: 3001 })).toBe(3n);
  });

  test("[K63] topics and partitions that do not exist are errors", async () => {
    const at = { kind: "earliest" } as const;
    await expect(listOffsets(client, [{ topic, partition: 6 }], { at })).rejects.toMatchObject({
      code: "BROKER_UNKNOWN_TOPIC",
      at: `${topic}[6]`,
    });
    await expect(listOffsets(client, [{ topic: uniqueName("nowhere"), partition: 0 }], { at })).rejects.toMatchObject({
      code: "BROKER_UNKNOWN_TOPIC",
    });
  });

  test("[K64] committed offsets come with their metadata, once no transaction that changes them is open", async () => {
    const group = uniqueName("group");
    const partitions = [
      { topic, partition: 1 },
      { topic, partition: 0 },
    ];
    expect(await committedOffsets(client, group, { partitions })).toEqual([
      { topic, partition: 1, offset: undefined, metadata: "" },
      { topic, partition: 0, offset: undefined, metadata: "" },
    ]);
    const id = uniqueName("committer");
    const writer = await RawWriter.open(client, id);
    await writer.offsets(group, topic, [
      [0, 5n, "time of five"],
      [1, 7n, ""],
    ]);
    await writer.end("commit");
    const committed = [
      { topic, partition: 1, offset: 7n, metadata: "" },
      { topic, partition: 0, offset: 5n, metadata: "time of five" },
    ];
    expect(await committedOffsets(client, group, { partitions })).toEqual(committed);

    await writer.offsets(group, topic, [[0, 9n, "never"]]);
    await expect(committedOffsets(client, group, { partitions, forMs: 300 })).rejects.toMatchObject({ ids: ["UNSTABLE_OFFSET_COMMIT"] });
    const waiting = committedOffsets(client, group, { partitions });
    // A successor ends what was left open.
    await RawWriter.open(client, id);
    expect(await waiting).toEqual(committed);
  });

  test("[K64] all that a group has committed comes by topic and partition, whatever the order in which Kafka keeps it", async () => {
    const group = uniqueName("group");
    const topics = Array.from({ length: 6 }, () => uniqueName("ordered"));
    await ensureTopics(
      client,
      topics.map((name) => ({ name, partitions: 3, retention: { kind: "forever" } })),
      { replication: 1 },
    );
    const writer = await RawWriter.open(client, uniqueName("offsets"));
    for (const topic of topics.toReversed()) await writer.offsets(group, topic, [2, 0, 1].map((partition) => [partition, 1n, ""] as const)); // prettier-ignore
    await writer.end("commit");
    // Partitions of which nothing was committed before are left out as long as that is pending.
    const found = await until(async () => (await committedOffsets(client, group, {})).length === 18 && committedOffsets(client, group, {}), 5000, "all are there"); // prettier-ignore
    expect(found.map(({ topic, partition }) => `${topic} ${partition}`)).toEqual(
      topics.toSorted().flatMap((topic) => [0, 1, 2].map((partition) => `${topic} ${partition}`)),
    );
  });

  test("[K65] records before a position are deleted, the log start is answered and never goes back; behind the end is refused", async () => {
    const writer = await RawWriter.open(client);
    await writer.write(topic, 4, records("a", "b", "c"));
    await writer.write(topic, 5, records("d"));
    const before = (partition: number, offset: bigint) => ({ topic, partition, offset });
    expect(await deleteRecords(client, [before(5, 1n), before(4, 2n)])).toEqual([before(5, 1n), before(4, 2n)]);
    expect(await deleteRecords(client, [before(4, 1n)])).toEqual([before(4, 2n)]);
    expect(await offsetOf(4, { kind: "earliest" })).toBe(2n);
    const refused = deleteRecords(client, [before(4, 4n)]);
    await expect(refused).rejects.toBeInstanceOf(KafkaError);
    await expect(refused).rejects.toMatchObject({ ids: ["OFFSET_OUT_OF_RANGE"] });
  });
});
