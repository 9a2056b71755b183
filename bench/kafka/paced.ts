import { setTimeout as sleep } from "node:timers/promises";
import { KafkaBatchWriter } from "../../engine/broker/kafka/codec/batch-writer.ts";
import { IdempotentProducer } from "../../engine/broker/kafka/produce/idempotent-producer.ts";
import { withClient } from "./clients.ts";
import { generators, type InputName, partitions } from "./inputs/generate.ts";

/** What this process sends, and how fast: one JSON argument. */
export type PacedSettings = {
  readonly input: InputName;
  readonly bootstrap: string;
  readonly topic: string;
  readonly perSecond: number;
  readonly seconds: number;
};

export type PacedReport = {
  readonly records: number;
  /** When the first request was due, ms since the epoch. */
  readonly begunAt: number;
  /** How much later than it was due the 99th of 100 requests was answered, ms: large, when the broker could not follow. */
  readonly answeredP99: number;
};

/** Time between two requests. */
const tickMs = 5;

/** Sends records at a steady rate whatever the answers take (an open model); all of them are made before the first is sent. */
const { input, bootstrap, topic, perSecond, seconds } = JSON.parse(process.argv[2]!) as PacedSettings;
const records = Math.round(perSecond * seconds);
const ticks = Math.ceil((seconds * 1000) / tickMs);
const writers = Array.from({ length: partitions }, () => new KafkaBatchWriter());
const requests: ReturnType<typeof take>[] = [];
let made = 0;
for (const { partition, key, timestamp, value } of generators[input](records)) {
  writers[partition]!.addRecord(Buffer.from(key, "latin1"), Buffer.from(value, "latin1"), timestamp);
  made += 1;
  while (requests.length < ticks - 1 && made * ticks >= (requests.length + 1) * records) requests.push(take());
}
requests.push(take());

await withClient(bootstrap, "paced", async (client) => {
  await client.topic(topic);
  const producer = new IdempotentProducer({ client, deadlineMs: 120_000 });
  const late: number[] = [];
  const under: Promise<void>[] = [];
  const begunAt = Date.now() + 100;
  const begun = performance.now() + 100;
  for (const [i, batches] of requests.entries()) {
    const due = begun + i * tickMs;
    const waitMs = due - performance.now();
    if (waitMs > 1) await sleep(waitMs);
    under.push(
      producer.send(batches).then((outcomes) => {
        for (const outcome of outcomes) if (outcome.kind === "failed") throw outcome.error;
        late.push(performance.now() - due);
      }),
    );
  }
  await Promise.all(under);
  await producer.close();
  late.sort((a, b) => a - b);
  const report: PacedReport = { records: made, begunAt, answeredP99: late[Math.floor(late.length * 0.99)]! };
  console.log(JSON.stringify(report));
});

function take(): { topic: string; partition: number; batches: ReturnType<KafkaBatchWriter["take"]> }[] {
  return writers.map((writer, partition) => ({ topic, partition, batches: writer.take() })).filter(({ batches }) => batches.length > 0);
}
