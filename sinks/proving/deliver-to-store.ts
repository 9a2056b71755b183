import { flushCompileCache } from "node:module";
import { setTimeout } from "node:timers/promises";
import {
  Deliverer,
  type Delivery,
  noDeliveryEvents,
  noHeaders,
  openEmbeddedBroker,
  RecordBatchBuilder,
  type Sink,
  taskId,
} from "@millrace/engine";

/**
 * A process to be killed: appends to a log of its own and delivers it to a store, both as fast as they go, and says how much is delivered, a number a line.
 * Arguments: file of the log, URL of the store, table or prefix, how many records it appends. Ends by itself when all of the log is delivered.
 */
const [path, url, name, load] = process.argv.slice(2) as [string, string, string, string];
const topic = "test.killed";
const partitions = 2;
const keys = 40;

const text = ({ value }: Delivery): string | null => (value === null ? null : Buffer.from(value).toString());
/** Only the driver that is used is loaded: a process is to live for seconds. */
async function openSink(): Promise<Sink> {
  if (url.startsWith("redis")) {
    const { RedisSink } = await import("../redis/redis-sink.ts");
    return new RedisSink({ url, prefix: name, render: (record) => ({ key: record.key!, value: text(record) }) });
  }
  const [{ PostgresSink }, { connectPostgres }] = await Promise.all([
    import("../postgres/postgres-sink.ts"),
    import("../postgres/postgres-connection.ts"),
  ]);
  return new PostgresSink({
    connection: connectPostgres({ url }),
    table: name,
    columns: [
      { name: "k", type: "text" },
      { name: "v", type: "bigint" },
    ],
    key: ["k"],
    render: (record) => ({ k: record.key, v: text(record) }),
  });
}

const sink = await openSink();
// Who is killed writes no cache at its end.
flushCompileCache();
const broker = openEmbeddedBroker({ path });
await broker.ensureTopics([topic, `${topic}.dlq`].map((each) => ({ name: each, partitions, retention: { kind: "forever" } })));
const deliverer = new Deliverer({
  name: "store",
  group: "killed-store",
  member: "one",
  sink,
  source: { topic, partitions },
  broker,
  clock: Date.now,
  events: noDeliveryEvents,
  commitMs: 20,
});
await deliverer.start();

for (let at = 0; at < Number(load); at += 100) {
  for (let partition = 0; partition < partitions; partition++) {
    const builder = new RecordBatchBuilder();
    for (let i = at; i < at + 100; i += partitions) {
      // Values differ from record to record and from run to run; one in seven deletes its key.
      const value = i % 7 === 3 ? null : Buffer.from(String(process.pid * 1_000_000 + i * partitions + partition));
      builder.append({ timestamp: 1, sequence: 0, key: `p${partition}-${(i * 13) % keys}`, value, headers: noHeaders });
    }
    const { count, bytes } = builder.take()!;
    await broker.append([{ topic, partition, kind: "records", count, bytes }]);
  }
}

const tasks = Array.from({ length: partitions }, (_, partition) => taskId("store", partition));
for (let done = false; !done; await setTimeout(5)) {
  const checkpoints = await broker.committed("killed-store", tasks);
  const places = checkpoints.map(({ next }, partition) => ({ topic, partition, offset: next[0]?.offset ?? 0n }));
  process.stdout.write(`${places.reduce((sum, { offset }) => sum + offset, 0n)}\n`);
  const rest = await broker.fetch(places, { maxBytes: 1, maxBytesPerPartition: 1, maxWaitMs: 0 });
  done = places.every(({ partition, offset }) => rest.every((batch) => batch.partition !== partition || offset >= batch.end));
}
await deliverer.stop();
await sink.close();
await broker.close();
