import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Broker } from "#broker/broker.ts";
import { clusterSettings, describeKafka, uniqueName, until } from "#broker/kafka/proving/kafka-test.ts";
import { aggregateByKey } from "#operators/aggregate.ts";
import { chainNode } from "#operators/node.ts";
import { mapRecord } from "#operators/stateless.ts";
import { timestamped, type Timestamped } from "#operators/timestamped.ts";
import { quickTimeouts } from "#state/kafka/quick-timeouts.ts";
import { type KafkaLog, openKafka } from "#state/local/open-kafka.ts";
import { keyValueStore, type KeyValueStore } from "#state/store.ts";
import type { Plan } from "#task/plan.ts";
import { Worker } from "#task/worker.ts";
import { noWorkerEvents } from "#task/worker-events.ts";
import type { TestInput } from "./every-way.ts";
import { jsonCodec } from "./json-codec.ts";
import { twoTaskPlan } from "./test-plan.ts";
import { post, recordsOf } from "./worker-bench.ts";

const sums = chainNode("sums", { sums: keyValueStore(timestamped(jsonCodec)) }, (stores) => [
  aggregateByKey(stores["sums"] as KeyValueStore<Timestamped<number>>, { init: () => 0, add: (sum, n: number) => sum + n }) as never,
]);
const rekey = chainNode("rekey", {}, () => [mapRecord((n: number) => ({ key: `k${n % 7}`, value: n })) as never]);
const inputs = (from: number, count: number): TestInput[] =>
  Array.from({ length: count }, (_, i) => ({ to: "in", key: `in${(from + i) % 5}`, value: from + i, at: from + i }));

/** The plan under names that nobody has used on the cluster. */
function renamed(plan: Plan): Plan {
  const name = uniqueName("plan");
  const topic = (of: string): string => `${name}.${of}`;
  return {
    ...plan,
    name,
    topics: plan.topics.map((spec) => ({ ...spec, name: topic(spec.name) })),
    subTopologies: plan.subTopologies.map((sub) => ({
      ...sub,
      sources: sub.sources.map((source) => ({ ...source, topic: topic(source.topic) })),
      sinks: sub.sinks.map((sink) => ({ ...sink, topic: topic(sink.topic) })),
    })),
  };
}

function openLog(folder: string, file: string): KafkaLog {
  return openKafka({ cluster: clusterSettings(), stateFile: join(folder, file), topics: { replication: 1, minIsr: 1 }, ...quickTimeouts });
}

async function startWorker(plan: Plan, log: KafkaLog, member: string): Promise<Worker> {
  const { broker, storage } = log;
  const worker = new Worker({
    plan,
    broker,
    storage,
    member,
    clock: Date.now,
    events: noWorkerEvents,
    commitMs: 20,
    pipeline: true,
    idleMs: 60_000,
  });
  await worker.start();
  return worker;
}

async function total(broker: Broker, plan: Plan): Promise<number> {
  const last = new Map<string, number>();
  const found = await recordsOf(broker, plan, plan.topics.find(({ name }) => name.endsWith(".out"))!.name);
  for (const { key, value } of found) last.set(key!, Math.max(last.get(key!) ?? 0, value as number));
  return [...last.values()].reduce((a, b) => a + b, 0);
}

const sumTo = (count: number): number => (count * (count - 1)) / 2;

describeKafka("worker on Kafka", { timeout: 120_000 }, () => {
  function folderOfTest(): string {
    const folder = mkdtempSync(join(tmpdir(), "millrace-worker-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    return folder;
  }
  const postTo = async (broker: Broker, plan: Plan, some: readonly TestInput[]): Promise<void> => {
    const source = plan.topics.find(({ name }) => name.endsWith(".in"))!.name;
    await post(
      broker,
      plan,
      some.map((input) => ({ ...input, to: source })),
    );
  };
  const settled = (broker: Broker, plan: Plan, count: number): Promise<unknown> =>
    until(async () => (await total(broker, plan)) === sumTo(count), 30_000, `the sum of ${count} records`);

  test("[R7] a worker goes on where it was, with its local copy kept, lost, and in the hands of another", async () => {
    const plan = renamed(twoTaskPlan(rekey, sums, 3));
    const folder = folderOfTest();
    let posted = 0;
    for (const [member, file] of [
      ["a", "kept.db"],
      ["a", "kept.db"],
      ["a", "fresh.db"],
      ["b", "kept.db"],
      ["c", "other.db"],
    ] as const) {
      const log = openLog(folder, file);
      const worker = await startWorker(plan, log, member);
      await postTo(log.broker, plan, inputs(posted, 200));
      posted += 200;
      await settled(log.broker, plan, posted);
      await worker.stop();
      await log.close();
    }
  });

  test("[R7] workers come and go while records flow: nothing is lost, nothing done twice", async () => {
    const plan = renamed(twoTaskPlan(rekey, sums, 3));
    const folder = folderOfTest();
    const ended: unknown[] = [];
    const start = async (member: string): Promise<{ stop(): Promise<void>; log: KafkaLog }> => {
      const log = openLog(folder, `${member}.db`);
      const worker = await startWorker(plan, log, member);
      worker.ended.catch((error: unknown) => ended.push(error));
      return {
        log,
        stop: async () => {
          await worker.stop();
          await log.close();
        },
      };
    };
    const first = await start("first");
    let posted = 0;
    let posting = true;
    const poster = (async () => {
      while (posting) {
        await postTo(first.log.broker, plan, inputs(posted, 40));
        posted += 40;
      }
    })();
    for (let round = 0; round < 3; round++) {
      const second = await start(`second-${round}`);
      const seen = posted;
      await until(() => posted > seen + 100, 20_000, "more is posted");
      await second.stop();
    }
    posting = false;
    await poster;
    await settled(first.log.broker, plan, posted);
    await first.stop();
    expect(ended).toEqual([]);
  });
});
