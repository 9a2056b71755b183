import { afterEach, beforeEach, expect, test } from "vitest";
import type { RecordBatch } from "#broker/broker.ts";
import { noHeaders, RecordBatchBuilder } from "#broker/record-batch.ts";
import { appendBatches } from "./append.ts";
import { IdempotentProducer } from "./produce/idempotent-producer.ts";
import { type FaultProxy, startFaultProxy } from "./proving/fault-proxy.ts";
import { readCommitted } from "./proving/independent-readers.ts";
import { bootstrapText, createTopic, describeKafka, openClient } from "./proving/kafka-test.ts";

/** Each value is a record. */
function batch(topic: string, partition: number, ...values: readonly string[]): RecordBatch {
  const builder = new RecordBatchBuilder();
  for (const value of values)
    builder.append({ timestamp: Date.now(), sequence: 0, key: null, value: Buffer.from(value), headers: noHeaders });
  return { topic, partition, kind: "records", ...builder.take()! };
}

const lengthsIn = async (topic: string, partition: number): Promise<number[]> =>
  (await readCommitted(bootstrapText(), topic)).filter((record) => record.partition === partition).map(({ value }) => value!.length);

/** One of these to a batch of Kafka's. */
const large = "l".repeat(600_000);

describeKafka("appending outside of transactions", () => {
  let proxy: FaultProxy;
  let producer: IdempotentProducer;
  const open = (deadlineMs = 30_000): IdempotentProducer =>
    (producer = new IdempotentProducer({ client: openClient("produce", { via: proxy.via }), deadlineMs }));
  beforeEach(async () => {
    proxy = await startFaultProxy();
  });
  afterEach(async () => {
    await producer.close(1000);
    await proxy.close();
  });

  test("[K28] a batch that is written as several is appended when all of them are, and lies nowhere behind the place that is told", async () => {
    const topic = await createTopic("plain", 1);
    open();
    expect(await appendBatches(producer, [batch(topic, 0, "a", "b"), batch(topic, 0, large, large, large)], "none")).toEqual([
      { kind: "appended", at: { topic, partition: 0, offset: 0n } },
      { kind: "appended", at: { topic, partition: 0, offset: 2n } },
    ]);
    expect(await lengthsIn(topic, 0)).toEqual([1, 1, 600_000, 600_000, 600_000]);
  });

  test("[K28] of a batch of which a part was written and the rest refused nobody is told that it is appended, nor that it is not", async () => {
    const topic = await createTopic("plain", 1, { "max.message.bytes": "1000" });
    open();
    const [answer] = await appendBatches(producer, [batch(topic, 0, "s", large.repeat(2))], "none");
    expect(answer).toMatchObject({ kind: "retry", uncertain: true });
    expect(await lengthsIn(topic, 0)).toEqual([1]);
  });

  test("[K28] what is refused for good takes nothing along that is written; it throws where it is all", async () => {
    const [narrow, wide] = [await createTopic("plain", 1, { "max.message.bytes": "1000" }), await createTopic("plain", 1)];
    open();
    const answers = await appendBatches(producer, [batch(narrow, 0, large), batch(wide, 0, "w")], "none");
    expect(answers).toMatchObject([{ kind: "retry" }, { kind: "appended" }]);
    expect(answers[0]).not.toHaveProperty("uncertain");
    await expect(appendBatches(producer, [batch(narrow, 0, large)], "none")).rejects.toMatchObject({ ids: ["MESSAGE_TOO_LARGE"] });
  });

  test("[K28] a batch whose answer was lost is uncertain when its time is over", async () => {
    const topic = await createTopic("plain", 1);
    open(700);
    const stop = proxy.onRequest("Produce", () => proxy.loseAnswer({ api: "Produce", outcome: "undone" }));
    const [answer] = await appendBatches(producer, [batch(topic, 0, "perhaps")], "none");
    expect(answer).toMatchObject({ kind: "retry", uncertain: true });
    stop();
  });
});
