import { onTestFinished } from "vitest";
import type { Broker } from "#broker/broker.ts";
import { openEmbeddedBroker, type EmbeddedBroker } from "#broker/embedded/embedded-broker.ts";
import { partitionOf } from "#broker/partitioner.ts";
import { decodeHeaders, headerBytesOf, keyTextOf, noHeaders, RecordBatchBuilder, valueOf } from "#broker/record-batch.ts";
import { embeddedStateStorage } from "#state/embedded/embedded-state-storage.ts";
import type { Plan } from "#task/plan.ts";
import { Worker } from "#task/worker.ts";
import type { WorkerOptions } from "#task/worker-options.ts";
import { noWorkerEvents } from "#task/worker-events.ts";
import type { TestInput, TestOutput } from "./every-way.ts";
import { jsonCodec } from "./json-codec.ts";
import type { Written } from "./test-plan.ts";

/** An embedded log with the topics of a plan, closed when the test ends. */
export async function openTestBroker(plan: Plan): Promise<EmbeddedBroker> {
  const broker = openEmbeddedBroker({ path: ":memory:" });
  onTestFinished(() => broker.close());
  await broker.ensureTopics(plan.topics);
  return broker;
}

/** A worker of a plan on an embedded log, which is stopped when the test ends. */
export const startTestWorker = (plan: Plan, broker: EmbeddedBroker, more: Partial<WorkerOptions> = {}): Promise<Worker> =>
  startWorkerOn({ plan, broker, storage: embeddedStateStorage(broker.database) }, more);

/** The same on any log. */
export async function startWorkerOn(
  ground: Pick<WorkerOptions, "plan" | "broker" | "storage">,
  more: Partial<WorkerOptions> = {},
): Promise<Worker> {
  const worker = new Worker({
    ...ground,
    member: "worker",
    clock: Date.now,
    events: noWorkerEvents,
    commitMs: 2,
    idleMs: 60_000,
    ...more,
  });
  onTestFinished(() => worker.stop().catch(() => undefined));
  await worker.start();
  return worker;
}

let sequence = 0;
/** Appends inputs in one call, as JSON; each goes to the partition of its key. */
export async function post(broker: Broker, plan: Plan, inputs: readonly TestInput[]): Promise<void> {
  const builders = new Map<string, { topic: string; partition: number; builder: RecordBatchBuilder }>();
  for (const { to: topic, key, value, at: timestamp } of inputs) {
    const partition = key === null ? 0 : partitionOf(key, plan.topics.find(({ name }) => name === topic)!.partitions);
    const place = `${topic} ${partition}`;
    const { builder } = builders.get(place) ?? builders.set(place, { topic, partition, builder: new RecordBatchBuilder() }).get(place)!;
    builder.append({ timestamp, sequence: ++sequence, key, value: value === null ? null : jsonCodec.encode(value), headers: noHeaders });
  }
  await broker.append(
    [...builders.values()].map(({ topic, partition, builder }) => ({ topic, partition, kind: "records" as const, ...builder.take()! })),
  );
}

/** Settles when `subTopology` shows everything that lies in `topic` now. */
export async function caughtUp(worker: Worker, broker: Broker, at: { plan: Plan; topic: string; subTopology: string }): Promise<void> {
  const { partitions } = at.plan.topics.find(({ name }) => name === at.topic)!;
  const asked = Array.from({ length: partitions }, (_, partition) => ({ topic: at.topic, partition, offset: -1n }));
  const fetched = await broker.fetch(asked, { maxBytes: 1, maxBytesPerPartition: 1, maxWaitMs: 0 });
  const last = asked.map(({ partition }) => ({
    topic: at.topic,
    partition,
    offset: fetched.find((one) => one.partition === partition)!.end - 1n,
  }));
  await worker.after(at.subTopology, last).done;
}

/** All records of a topic, in order of partition and offset. */
export async function recordsOf(broker: Broker, plan: Plan, topic: string): Promise<TestOutput[]> {
  const found: TestOutput[] = [];
  const { partitions } = plan.topics.find(({ name }) => name === topic)!;
  for (let partition = 0; partition < partitions; partition++) {
    for (let offset = -1n, end = 0n; offset < end;) {
      const fetched = await broker.fetch([{ topic, partition, offset }], {
        maxBytes: 1 << 20,
        maxBytesPerPartition: 1 << 20,
        maxWaitMs: 0,
      });
      for (const { index, count, kind } of fetched) {
        if (kind !== "records" || count === 0) continue;
        for (let i = 0; i < count; i++) {
          const bytesOfValue = valueOf(index, i);
          const value = bytesOfValue === null ? null : jsonCodec.decode(bytesOfValue);
          const written = typeof value === "object" && value !== null && "value" in value ? (value as Written) : { value };
          const headers = Object.fromEntries(decodeHeaders(headerBytesOf(index, i)));
          found.push({ key: keyTextOf(index, i), at: index.timestamps[i]!, ...written, headers });
        }
      }
      ({ next: offset, end } = fetched.at(-1)!);
    }
  }
  return found;
}
