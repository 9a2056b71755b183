import { beforeEach, expect, test } from "vitest";
import { deleteRecords } from "../admin/delete-records.ts";
import { type BatchHeader, readBatchHeader } from "../codec/batch-header.ts";
import { fetchRequest } from "../fetch/fetch-request.ts";
import { createTopic, describeKafka, openClient, uniqueName } from "../proving/kafka-test.ts";
import { RawWriter } from "../proving/raw-writer.ts";
import type { KafkaClient } from "../wire/kafka-client.ts";
import { findBatch } from "./find-batch.ts";

/** Headers of all batches of partition 0, in its order. */
async function headersOf(client: KafkaClient, topic: string): Promise<BatchHeader[]> {
  const { id: topicId, partitions } = (await client.topic(topic))!;
  const ask = { topicId, topic, partition: 0, offset: 0n, maxBytes: 1 << 20, leaderEpoch: partitions[0]!.leaderEpoch };
  const request = fetchRequest([ask], { maxBytes: 1 << 20, maxWaitMs: 0, uncommitted: true });
  const [answer] = await client.send(partitions[0]!.leader, request, "read headers");
  const headers: BatchHeader[] = [];
  for (let at = 0, header; (header = readBatchHeader(answer!.records, at)) !== undefined; at += header.byteLength) headers.push(header);
  return headers;
}

describeKafka("looking for a batch that may have been written", () => {
  let client: KafkaClient;
  let topic: string;
  beforeEach(async () => {
    client = openClient("find");
    topic = await createTopic("searched");
  });

  test("[K27] it is found by its producer, epoch and first sequence number among those of others, in open transactions too", async () => {
    const first = await RawWriter.openIdempotent(client);
    const second = await RawWriter.openIdempotent(client);
    const open = await RawWriter.open(client, uniqueName("open"));
    await first.write(topic, 0, [{ value: "a" }, { value: "b" }]);
    await open.write(topic, 0, [{ value: "of a transaction" }]);
    await second.write(topic, 0, [{ value: "c" }]);
    await first.write(topic, 0, [{ value: "d" }]);
    await second.write(topic, 0, [{ value: "e" }], "zstd");
    const headers = await headersOf(client, topic);
    expect(headers.map(({ baseOffset, firstSequence }) => [baseOffset, firstSequence])).toEqual([
      [0n, 0],
      [2n, 0],
      [3n, 0],
      [4n, 2],
      [5n, 1],
    ]);
    const place = { topic, partition: 0 };
    for (const header of headers) {
      for (const from of [0n, header.baseOffset]) expect(await findBatch(client, { ...place, from }, header)).toBe(header.baseOffset);
      for (const from of [header.nextOffset, 6n, 100n]) expect(await findBatch(client, { ...place, from }, header)).toBeUndefined();
    }
    const [mine] = headers;
    for (const other of [{ firstSequence: 1 }, { producerEpoch: 1 }, { producerId: mine!.producerId + 1_000_000n }])
      expect(await findBatch(client, { ...place, from: 0n }, { ...mine!, ...other })).toBeUndefined();
  });

  test("[K27] it is found over more than one answer, and behind records that are deleted already", async () => {
    const writer = await RawWriter.openIdempotent(client);
    const large = "x".repeat(600_000);
    for (const value of [`1${large}`, `2${large}`, `3${large}`, "4"]) await writer.write(topic, 0, [{ value }]);
    const [header] = await headersOf(client, topic);
    const last = { ...header!, firstSequence: 3 };
    const place = { topic, partition: 0, from: 0n };
    expect(await findBatch(client, place, last)).toBe(3n);
    await deleteRecords(client, [{ topic, partition: 0, offset: 2n }]);
    expect(await findBatch(client, place, last)).toBe(3n);
    expect(await findBatch(client, place, header!)).toBeUndefined();
    await deleteRecords(client, [{ topic, partition: 0, offset: 4n }]);
    expect(await findBatch(client, place, last)).toBeUndefined();
  });
});
