import { createRecordsBatch, Reader, readRecordsBatches } from "@platformatic/kafka";
import { readBatchHeader } from "../engine/broker/kafka/codec/batch-header.ts";
import { KafkaBatchWriter, sealBatch } from "../engine/broker/kafka/codec/batch-writer.ts";
import { type Compression, compressions } from "../engine/broker/kafka/codec/compression.ts";
import { decodeBatch } from "../engine/broker/kafka/codec/decode-batch.ts";
import { encodeHeaders, type HeaderList, RecordBatchBuilder } from "../engine/broker/record-batch.ts";
import { spread } from "./figures.ts";
import { machineFacts } from "./machine.ts";

// Record batches of Kafka's, ours beside the library's: events of 130 bytes of JSON with keys of 12. Reading takes checksum, decompression and index, and looks at
// each key and value; writing begins with a frame (ours) or with messages (the library), and ends with the sealed batch.
// usage: node bench/kafka-codec.ts [--quick]   pin it to a core: taskset -c 1

type Case = {
  readonly name: string;
  readonly records: number;
  readonly compression: Compression;
  readonly headers: HeaderList;
  readonly sequences: boolean;
};
const plain = { headers: [], sequences: false };
const ofGateway: HeaderList = [
  ["traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
  ["correlation-id", "0192f0a1-7b3c-7d11-9c3a-2f1f0c5c8f1e"],
  ["recorded-at", "2026-11-21T09:00:00.000Z"],
];
const cases: readonly Case[] = [
  ...compressions.map((compression): Case => ({ name: `5000 records, ${compression}`, records: 5000, compression, ...plain })),
  { name: "5000 records with a sequence", records: 5000, compression: "none", headers: [], sequences: true },
  { name: "2000 records of the gateway (sequence, 3 headers)", records: 2000, compression: "none", headers: ofGateway, sequences: true },
  { name: "10 records", records: 10, compression: "none", ...plain },
];

const quick = process.argv.includes("--quick");
const rounds = quick ? 1 : 7;
const msOfRound = quick ? 20 : 200;
const producer = { producerId: 1n, producerEpoch: 0, firstSequence: 0, transactional: true };

console.log(`${machineFacts()}\n`);
console.log("| batch | bytes a record | read, M records per CPU-s | library | write, M records per CPU-s | library |");
console.log("|---|---|---|---|---|---|");
for (const each of cases) {
  const records = Array.from({ length: each.records }, (_, i) => {
    const key = Buffer.from(`customer-${String((i * 7919) % 1000).padStart(3, "0")}`);
    const order = {
      orderId: `order-${i}`,
      customer: key.toString(),
      sku: `sku-${i % 300}`,
      amount: ((i * 37) % 10_000) / 100,
      quantity: 1 + (i % 7),
    };
    const value = Buffer.from(JSON.stringify({ ...order, ts: 1_700_000_000_000 + i * 31, status: "confirmed" }));
    return { timestamp: 1_700_000_000_000 + i * 31, sequence: each.sequences ? (1_700_000_000_000 + i) * 1024 : 0, key, value };
  });
  const builder = new RecordBatchBuilder();
  const headers = encodeHeaders(each.headers);
  for (const record of records) builder.append({ ...record, headers });
  const frame = builder.take()!;
  const messages = records.map(({ timestamp, key, value }) => ({
    topic: "t",
    partition: 0,
    timestamp: BigInt(timestamp),
    key,
    value,
    ...theirHeaders(each),
  }));
  const writer = new KafkaBatchWriter({ compression: each.compression });
  const write = (): Buffer => {
    writer.addFrame(frame.bytes, frame.count);
    return sealBatch(writer.take()[0]!, producer);
  };
  const sealed = write();
  const writeTheirs = (): unknown =>
    createRecordsBatch(messages, { compression: each.compression, transactionalId: "t", producerId: 1n, producerEpoch: 0 }).buffer;
  const rates = [() => read(sealed), () => readTheirs(sealed), write, writeTheirs].map((work) => rate(work, each.records));
  const shown = rates.map((values) => spread(values, (value) => (value / 1e6).toFixed(2)));
  console.log(`| ${[each.name, (sealed.length / each.records).toFixed(0), ...shown].join(" | ")} |`);
}

/** The sum keeps the work from being left out. */
function read(bytes: Buffer): number {
  let sum = 0;
  for (const { index } of decodeBatch(bytes, 0, readBatchHeader(bytes, 0)!, "bench[0]")) {
    for (let i = 0; i < index.count; i++)
      sum += index.bytes[index.keyStarts[i]!]! + index.bytes[index.valueStarts[i]!]! + index.timestamps[i]!;
  }
  return sum;
}

function readTheirs(bytes: Buffer): number {
  let sum = 0;
  for (const { records, firstTimestamp } of readRecordsBatches(Reader.from(bytes))) {
    for (const { key, value, timestampDelta } of records) sum += key![0]! + value![0]! + Number(firstTimestamp + timestampDelta);
  }
  return sum;
}

function theirHeaders({ headers, sequences }: Case): { readonly headers?: Map<Buffer, Buffer> } {
  const all = [...(sequences ? [["millrace-seq", "12345678"] as const] : []), ...headers];
  return all.length === 0 ? {} : { headers: new Map(all.map(([name, value]) => [Buffer.from(name), Buffer.from(value)])) };
}

/** Records per CPU-second in each round, the first of which only warms up: the clock would measure the neighbours. */
function rate(work: () => unknown, records: number): number[] {
  const rates: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const before = process.cpuUsage();
    const until = performance.now() + msOfRound;
    let times = 0;
    for (; performance.now() < until; times++) work();
    const { user, system } = process.cpuUsage(before);
    if (round > 0) rates.push((times * records * 1e6) / (user + system));
  }
  return rates;
}
