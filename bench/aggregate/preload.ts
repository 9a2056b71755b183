import { openEmbeddedBroker, partitionOf, RecordBatchBuilder, type RecordBatch } from "@millrace/engine";
import { encodeHeaders } from "#engine/broker/record-batch.ts";
import { encodeEvent } from "#schemas/event-codec.ts";
import { compileAggregate, firstAt, inputTopic, keyOf, minuteMs, partitions, recordsPerBatch, workloadOf } from "./workload.ts";

/** Writes the input of a workload to a log, as the gateway would have: `preload.ts FILE WORKLOAD [quick]`. */
const [path = "", name = "20k", quick] = process.argv.slice(2);
const workload = workloadOf(name, quick === "quick");
const broker = openEmbeddedBroker({ path });
await broker.ensureTopics(compileAggregate(workload).plan.topics);

let x = 2463534242;
const random = (n: number): number => {
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  return (x >>> 0) % n;
};
const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const partitionsOfKeys = new Int8Array(workload.keys).map((_, key) => partitionOf(keyOf(key), partitions));
const builders = Array.from({ length: partitions }, () => new RecordBatchBuilder());
const full: RecordBatch[] = [];

for (let i = 0; i < workload.records; i++) {
  const key = random(workload.keys);
  const cardId = keyOf(key);
  const timestamp = firstAt + Math.floor((i * minuteMs) / workload.recordsPerMinute);
  const id = String(i).padStart(9, "0");
  const value = encodeEvent({
    eventId: `0192f3a1-7c00-7000-8000-000${id}`,
    eventType: "payment.attempted",
    eventVersion: "1.0.0",
    source: "storefront-eu",
    timestamp,
    correlationId: `order-${id}`,
    metadata: { sessionId: `session-${id}`, userId: cardId.slice(5) },
    data: {
      paymentId: `payment-${id}`,
      orderId: `order-${id}`,
      cardId,
      amount: { amount: BigInt(10_000 + random(2_000_000)), currency: "GBP" },
      method: "card",
    },
  });
  const headers = encodeHeaders([
    ["traceparent", traceparent],
    ["recordedtime", "2011-04-01T00:00:00.000Z"],
    ["correlationid", `order-${id}`],
  ]);
  const partition = partitionsOfKeys[key]!;
  const builder = builders[partition]!;
  builder.append({ timestamp, sequence: i + 1, key: cardId, value, headers });
  if (builder.count === recordsPerBatch) take(partition);
  if (full.length >= 64) await broker.append(full.splice(0));
}
for (let partition = 0; partition < partitions; partition++) take(partition);
await broker.append(full.splice(0));
broker.database.connection.exec("PRAGMA wal_checkpoint(TRUNCATE)");
await broker.close();
console.log(JSON.stringify({ records: workload.records }));

function take(partition: number): void {
  const frame = builders[partition]!.take();
  if (frame !== undefined) full.push({ topic: inputTopic, partition, kind: "records", ...frame });
}
