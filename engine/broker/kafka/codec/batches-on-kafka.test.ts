import { initProducerIdV5, ProduceAcks, Producer } from "@platformatic/kafka";
import { expect, test } from "vitest";
import { seededRandom } from "#broker/conformance-harness.ts";
import { decodeHeaders, headerBytesOf, keyOf, RecordBatchBuilder, valueOf } from "#broker/record-batch.ts";
import { fetchRequest } from "../fetch/fetch-request.ts";
import { produceRequest } from "../produce/produce-request.ts";
import { hasKcat, javaWithKafka, readCommitted } from "../proving/independent-readers.ts";
import { bootstrapText, createTopic, describeKafka, openClient, uniqueName, until } from "../proving/kafka-test.ts";
import { RawWriter } from "../proving/raw-writer.ts";
import { outputOf } from "../proving/run-program.ts";
import type { KafkaClient } from "../wire/kafka-client.ts";
import { type BatchHeader, readBatchHeader } from "./batch-header.ts";
import { KafkaBatchWriter, type OpenBatch, sealBatch } from "./batch-writer.ts";
import { compressions } from "./compression.ts";
import { controlType, decodeBatch, type DecodedPart } from "./decode-batch.ts";
import { type RandomRecord, randomRecords } from "./random-records.ts";

/** Keeps whatever time records have. */
const anyTime = { "retention.ms": "-1", "message.timestamp.after.max.ms": String(2n ** 63n - 1n) };
const noProducer = { producerId: -1n, producerEpoch: -1, firstSequence: -1, transactional: false };
const kcat = await hasKcat();
const hexOf = (bytes: Uint8Array | null): string | null => bytes && Buffer.from(bytes).toString("hex");

type Lying = { readonly header: BatchHeader; readonly parts: readonly DecodedPart[]; readonly control: string | undefined };

/** All batches of a partition as they lie in the log, aborted ones and markers, too. */
async function read(client: KafkaClient, topic: string, partition = 0): Promise<Lying[]> {
  const found: Lying[] = [];
  const { id: topicId } = (await client.topic(topic))!;
  const leader = await client.leader(topic, partition);
  for (let offset = 0n; ;) {
    const asked = [{ topic, topicId, partition, offset, maxBytes: 1 << 20, leaderEpoch: -1 }];
    const [answer] = await client.send(leader, fetchRequest(asked, { maxBytes: 1 << 20, maxWaitMs: 0 }), "fetch");
    expect(answer!.error).toBe("NONE");
    if (offset >= answer!.stableEnd) return found;
    const { records } = answer!;
    for (let at = 0; ;) {
      const header = readBatchHeader(records, at, topic);
      if (header === undefined) break;
      if (header.nextOffset > offset) {
        const control = header.control ? controlType(records, at, header, topic) : undefined;
        found.push({ header, parts: decodeBatch(records, at, header, topic), control });
        offset = header.nextOffset;
      }
      at += header.byteLength;
    }
  }
}

/** The records that users see, as text. */
const textsOf = (
  lying: readonly Lying[],
): { offset: bigint; timestamp: number; key: string | null; value: string | null; headers: unknown }[] =>
  lying
    .filter(({ header }) => !header.control)
    .flatMap(({ header, parts }) =>
      parts.flatMap(({ index }) =>
        Array.from({ length: index.count }, (_, i) => ({
          offset: header.baseOffset + BigInt(index.numbers[i]!),
          timestamp: index.timestamps[i]!,
          key: hexOf(keyOf(index, i)),
          value: hexOf(valueOf(index, i)),
          headers: decodeHeaders(headerBytesOf(index, i)),
        })),
      ),
    );
const expectedOf = (records: readonly RandomRecord[]): unknown[] =>
  records.map(({ timestamp, key, value, headerList }, i) => ({
    offset: BigInt(i),
    timestamp,
    key: hexOf(key),
    value: hexOf(value),
    headers: headerList,
  }));
const seenBy = async (topic: string): Promise<unknown[]> =>
  (await readCommitted(bootstrapText(), topic)).map(({ offset, timestamp, key, value }) => ({
    offset,
    timestamp,
    key: hexOf(key),
    value: hexOf(value),
  }));
const withoutHeaders = (records: ReturnType<typeof textsOf>): unknown[] =>
  records.map(({ offset, timestamp, key, value }) => ({ offset, timestamp, key, value }));

/** Base offsets of the batches. */
async function produce(client: KafkaClient, topic: string, batches: readonly OpenBatch[], producer = noProducer): Promise<bigint[]> {
  const leader = await client.leader(topic, 0);
  const bases: bigint[] = [];
  for (const batch of batches) {
    const entry = { topic, partition: 0, bytes: sealBatch(batch, producer) };
    const request = produceRequest([entry], { transactionalId: null, version: 11, timeoutMs: 10_000 });
    const [answer] = await client.send(leader, request, "produce");
    expect([answer!.id, answer!.message]).toEqual(["NONE", null]);
    bases.push(answer!.baseOffset);
  }
  return bases;
}

describeKafka("batches on a real broker", () => {
  const client = openClient("codec");
  test.each(compressions)("[K2] what the library's producer wrote comes out as it went in (%s)", async (compression) => {
    // The library's encoder makes other times of those more than 24 days before the first of their batch, and of some behind it.
    const records = randomRecords(seededRandom(`K2 ${compression}`), 200).map((record) => ({
      ...record,
      timestamp: 1.7e12 + (record.timestamp % 2 ** 29),
    }));
    const topic = await createTopic("theirs", 1, anyTime);
    const producer = new Producer({ clientId: "codec-test", bootstrapBrokers: bootstrapText().split(",") });
    const messages = records.map(({ timestamp, key, value, headerList }) => ({
      topic,
      partition: 0,
      timestamp: BigInt(timestamp),
      // Its types know no nulls, its encoder does.
      key: key as Buffer,
      value: value as Buffer,
      // A map knows a name once, so each has a number in front.
      headers: new Map(headerList.map(([name, text], i) => [Buffer.from(`${i}${name}`), Buffer.from(text)])),
    }));
    try {
      await producer.send({ messages, compression, acks: ProduceAcks.ALL });
    } finally {
      await producer.close();
    }
    const numbered = records.map((record) => ({
      ...record,
      headerList: record.headerList.map(([name, text], i) => [`${i}${name}`, text] as const),
    }));
    expect(textsOf(await read(client, topic))).toEqual(expectedOf(numbered));
  });

  test.each(compressions)(
    "[K8] what we wrote is taken by the broker and read alike by others (%s)",
    { timeout: 60_000 },
    async (compression) => {
      const records = randomRecords(seededRandom(`K8 ${compression}`), 400);
      const topic = await createTopic("ours", 1, anyTime);
      const builder = new RecordBatchBuilder();
      for (const record of records) builder.append(record);
      const { bytes, count } = builder.take()!;
      const writer = new KafkaBatchWriter({ compression, maxBytes: 30_000 });
      writer.addFrame(bytes, count);
      const batches = writer.take();
      expect(batches.length).toBeGreaterThan(3);
      await produce(client, topic, batches);
      const found = textsOf(await read(client, topic));
      expect(found).toEqual(expectedOf(records));
      expect(await seenBy(topic)).toEqual(withoutHeaders(found));
    },
  );

  test("[K6] others see marks as records of their own, told by a header", async () => {
    const topic = await createTopic("marks");
    const writer = new KafkaBatchWriter({ compression: "zstd" });
    const builder = new RecordBatchBuilder();
    builder.append({ timestamp: 1, sequence: 2.5, key: "k", value: Buffer.from("v"), headers: Buffer.from([0, 1, 104, 0, 0, 0, 1, 120]) });
    const frame = builder.take()!;
    writer.addFrame(frame.bytes, 1);
    writer.addMarks(frame.bytes, 1);
    await produce(client, topic, writer.take());
    const [lying] = await read(client, topic);
    expect(lying!.parts.map(({ kind, next, index }) => [kind, next, index.sequences[0], decodeHeaders(headerBytesOf(index, 0))])).toEqual([
      ["records", 1n, 2.5, [["h", "x"]]],
      ["watermarks", 2n, 2.5, [["h", "x"]]],
    ]);
    if (!kcat) return;
    const said = await outputOf("kcat", ["-C", "-b", bootstrapText(), "-t", topic, "-e", "-q", "-o", "beginning", "-f", "%h\n"]);
    const names = said
      .toString("latin1")
      .trim()
      .split("\n")
      .map((line) => line.split(",").map((header) => header.split("=")[0]));
    expect(names).toEqual([
      ["millrace-seq", "h"],
      ["millrace-seq", "millrace-mark", "h"],
    ]);
  });

  test.runIf(kcat)("[K2] what librdkafka compressed is read (kcat)", async () => {
    const lines = Array.from({ length: 500 }, (_, i) => `key-${i}:${"value ".repeat(i % 40)}${i}`);
    for (const compression of compressions.filter((kind) => kind !== "none")) {
      const topic = await createTopic(`kcat-${compression}`);
      const args = ["-P", "-b", bootstrapText(), "-t", topic, "-K", ":", "-z", compression, "-X", "linger.ms=200"];
      await outputOf("kcat", args, Buffer.from(`${lines.join("\n")}\n`));
      const found = textsOf(await read(client, topic)).map(
        ({ key, value }) => `${Buffer.from(key!, "hex").toString()}:${Buffer.from(value!, "hex").toString()}`,
      );
      expect([compression, found]).toEqual([compression, lines]);
    }
  });

  test("[K2] what Java compressed is read, snappy in xerial's frame", { timeout: 120_000 }, async () => {
    const { java, classPath } = await javaWithKafka();
    const lines = Array.from({ length: 3000 }, (_, i) => `${"value ".repeat(i % 60)}${i}`);
    for (const compression of ["snappy", "lz4"] as const) {
      const topic = await createTopic(`java-${compression}`);
      const args = ["--bootstrap-server", bootstrapText(), "--topic", topic, "--compression-codec", compression, "--batch-size", "100000"];
      await outputOf(
        java,
        ["-Xmx128m", "-cp", classPath, "org.apache.kafka.tools.ConsoleProducer", ...args],
        Buffer.from(`${lines.join("\n")}\n`),
      );
      const found = textsOf(await read(client, topic)).map(({ value }) => Buffer.from(value!, "hex").toString());
      expect([compression, found]).toEqual([compression, lines]);
    }
  });

  test("[K5] the broker's time is that of all records of a batch where the topic says LogAppendTime", async () => {
    const topic = await createTopic("append-time", 1, { "message.timestamp.type": "LogAppendTime" });
    const writer = await RawWriter.open(client);
    const before = Date.now();
    await writer.write(topic, 0, [
      { value: "a", timestamp: before - 5000 },
      { value: "b", timestamp: before - 9000 },
    ]);
    const lying = await read(client, topic);
    expect(lying[0]!.header.logAppendTime).toBe(true);
    const found = textsOf(lying);
    expect(found[0]!.timestamp).toBe(found[1]!.timestamp);
    expect(found[0]!.timestamp).toBeGreaterThanOrEqual(before);
    expect(await seenBy(topic)).toEqual(withoutHeaders(found));
  });

  test("[K5] markers of commits and aborts lie behind their transactions", async () => {
    const topic = await createTopic("markers");
    const writer = await RawWriter.open(client, uniqueName("markers"), 30_000);
    for (const how of ["commit", "abort", "commit"] as const) {
      await writer.write(topic, 0, [{ value: how }, { value: null }], "lz4");
      await writer.end(how);
    }
    const lying = await until(
      async () => {
        const found = await read(client, topic);
        return found.length === 6 && found;
      },
      10_000,
      "six batches",
    );
    expect(lying.map(({ header, control }) => [header.transactional, header.control, control])).toEqual([
      [true, false, undefined],
      [true, true, "commit"],
      [true, false, undefined],
      [true, true, "abort"],
      [true, false, undefined],
      [true, true, "commit"],
    ]);
    expect(new Set(lying.map(({ header }) => header.producerId)).size).toBe(1);
  });

  test("[K3] what compaction has left: gaps within batches, and batches without records", { timeout: 120_000 }, async () => {
    const topic = await createTopic("compacted", 1, {
      "cleanup.policy": "compact",
      "min.cleanable.dirty.ratio": "0.001",
      "segment.ms": "1000",
      "delete.retention.ms": "0",
    });
    const random = seededRandom("K3 compacted");
    const plain = await RawWriter.open(client);
    // The last batch of a producer that is known keeps its sequence when all of its records are gone.
    const { producerId, producerEpoch } = await client.ask("any", initProducerIdV5.api, [null, 1000, -1n, -1], "init producer");
    const idempotent = { producerId, producerEpoch, firstSequence: 0, transactional: false };
    const latest = new Map<string, string>();
    // A segment ends with the first batch that is a second later than its first, and markers have the broker's time.
    let time = Date.now();
    const batchOf = (keys: readonly string[]): { key: string; value: string; timestamp: number }[] => {
      time += 2000;
      return keys.map((key, i) => {
        latest.set(key, `${key} of ${time} ${i}`);
        return { key, value: latest.get(key)!, timestamp: time + i };
      });
    };
    const some = (): string[] => Array.from({ length: 20 }, () => `k${Math.floor(random() * 30)}`);
    const once = new KafkaBatchWriter();
    for (const { key, timestamp } of batchOf(["gone", "gone too"])) once.addRecord(Buffer.from(key), Buffer.from("early"), timestamp);
    // Sent twice it is there once.
    const [early] = once.take();
    for (const at of [0n, 0n]) expect(await produce(client, topic, [early!], idempotent)).toEqual([at]);
    for (let i = 0; i < 6; i++) await plain.write(topic, 0, batchOf(some()), compressions[i % 5]!);
    await plain.write(topic, 0, batchOf(["gone", "gone too"]));
    await plain.write(topic, 0, batchOf(["last"]));
    const written = 2 + 6 * 20 + 2 + 1;
    const lying = await until(
      async () => {
        const found = await read(client, topic);
        return found[0]!.header.count === 0 && textsOf(found).length < written / 2 && found;
      },
      90_000,
      "compaction",
    );
    const gaps = lying.some(({ parts }) =>
      parts.some(({ index }) => index.numbers.some((number, i) => i > 0 && number > index.numbers[i - 1]! + 1)),
    );
    expect(gaps).toBe(true);
    expect(lying[0]).toMatchObject({ header: { baseOffset: 0n, nextOffset: 2n, count: 0, producerId }, parts: [] });
    const found = textsOf(lying);
    expect(await seenBy(topic)).toEqual(withoutHeaders(found));
    const left = new Map(found.map(({ key, value }) => [Buffer.from(key!, "hex").toString(), Buffer.from(value!, "hex").toString()]));
    expect(left).toEqual(latest);
  });
});
