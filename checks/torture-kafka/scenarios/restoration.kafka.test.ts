import { expect, test } from "vitest";
import {
  chainNode,
  keyValueStore,
  partitionOf,
  RecordBatchBuilder,
  noHeaders,
  step,
  taskId,
  type KeyValueStore,
  type Plan,
} from "@millrace/engine";
import { EmbeddedDatabase } from "#engine/broker/embedded/database.ts";
import { startFaultProxy } from "#engine/broker/kafka/proving/fault-proxy.ts";
import { clusterSettings, describeKafka, until } from "#engine/broker/kafka/proving/kafka-test.ts";
import { LocalState } from "../../../engine/state/local/local-state.ts";
import { numberCodec } from "../smoke/number-codec.ts";
import { dumpTask, type TaskDump } from "../state-dump.ts";
import { type RunningWorker, Scenario } from "./scenario.ts";

const waitMs = 60_000;
type Restoring = { readonly task: string; readonly read: bigint; readonly total: bigint };

describeKafka("bringing state back on Kafka", { timeout: 180_000 }, () => {
  test("[K95] stopped and started with its disk unchanged: nothing is brought back", async () => {
    const scenario = await Scenario.open({ keys: 20 });
    const first = await scenario.start("a");
    scenario.producer.start();
    await until(() => scenario.producer.acknowledged.length > 200, waitMs, "records are sent");
    await first.stop();
    const restoring: Restoring[] = [];
    const second = await scenario.start("a", { kafkaEvents: { restoring: (progress) => void restoring.push(progress) } });
    expect(restoring).toEqual([]);
    await scenario.finish();
    await second.stop();
    await scenario.judge();
    await scenario.judgeState();
  });

  test("[K95] a clean stop in the middle of bringing much back: what was brought back is kept, and the rest is what is read next", async () => {
    const scenario = await Scenario.open();
    const plan = spreadPlan(scenario.plan.name);
    const first = await scenario.start("a", { plan });
    await fill(first, plan);
    await until(
      async () => (await first.worker.read((stores) => countOf(dumpOfSpread(stores.tasks("spread")[0]!.state, plan)))) === keys,
      waitMs,
      "all is folded",
    );
    const state = await first.worker.read((stores) => dumpOfSpread(stores.tasks("spread")[0]!.state, plan));
    await first.worker.stop();
    await first.log.close();

    // Another disk, and a network on which the changelog comes to a stop in its middle.
    const proxy = await startFaultProxy();
    let answers = 0;
    const stuck = Promise.withResolvers<void>();
    const { promise: never } = Promise.withResolvers<void>();
    const stateFile = scenario.stateFile("fresh");
    let progress: Restoring[] = [];
    const kafkaEvents = { restoring: (event: Restoring): void => void progress.push(event) };
    const second = scenario.open("b", { plan, stateFile, kafkaEvents, log: { cluster: clusterSettings({ via: proxy.via }) } });
    proxy.onAnswer("Fetch", () => {
      if (progress.length === 0 || ++answers <= letThrough) return undefined;
      stuck.resolve();
      return never;
    });
    const starting = second.worker.start();
    await stuck.promise;
    const whole = progress[0]!.total;
    expect(whole).toBeGreaterThan(BigInt(keys));
    await Promise.all([second.worker.stop(), starting]);
    await second.log.close();
    await proxy.close();
    const database = new EmbeddedDatabase(stateFile);
    const kept = new LocalState(database).read(spread)!;
    database.close();
    expect(kept.whole).toBe(false);
    expect(kept.next).toBeGreaterThan(0n);

    progress = [];
    const third = await scenario.start("b", { plan, stateFile, kafkaEvents });
    expect(progress[0]!.total).toBe(whole - kept.next);
    expect(await third.worker.read((stores) => dumpOfSpread(stores.tasks("spread")[0]!.state, plan))).toEqual(state);
    await third.worker.stop();
    await third.log.close();
  });
});

/** Fetch answers of the changelog that pass; a megabyte each at the most. */
const letThrough = 3;
const spread = taskId("spread", 0);
const perRecord = 500;
const records = 160;
/** More than what is gathered in memory before any of it is written. */
const keys = perRecord * records;

/** One task, which makes many keys of each record. */
function spreadPlan(name: string): Plan {
  const topic = `${name}.spread`;
  const processor = chainNode("spread", { spread: keyValueStore(numberCodec) }, ({ spread: store }) => [
    step<number, never>((_out, context) => (value) => {
      for (let i = 0; i < perRecord; i++) (store as KeyValueStore<number>).put(`a key of some length ${value}/${i}`, i);
      context.fold();
    }) as never,
  ]);
  const retention = { kind: "forever" } as const;
  return {
    name: `${name}.spread`,
    topics: [
      { name: topic, partitions: 1, retention },
      { name: `${topic}.dlq`, partitions: 1, retention },
    ],
    subTopologies: [
      {
        id: "spread",
        partitions: 1,
        sources: [{ topic, decode: (bytes) => numberCodec.decode(bytes!), to: [{ node: "spread", port: "in" }], upstream: [] }],
        nodes: [{ id: "spread", processor, outputs: { out: { to: [], sinks: [] } } }],
        sinks: [],
      },
    ],
  };
}

async function fill({ log }: RunningWorker, plan: Plan): Promise<void> {
  const builder = new RecordBatchBuilder();
  for (let i = 0; i < records; i++)
    builder.append({ timestamp: i, sequence: 0, key: `${i}`, value: numberCodec.encode(i), headers: noHeaders });
  const [answer] = await log.broker.append([
    { topic: plan.topics[0]!.name, partition: partitionOf("any", 1), kind: "records", ...builder.take()! },
  ]);
  expect(answer!.kind).toBe("appended");
}

const dumpOfSpread = (state: Parameters<typeof dumpTask>[1], plan: Plan): TaskDump => dumpTask(plan.subTopologies[0]!, state);
const countOf = (dump: TaskDump): number => Object.keys(dump["spread.spread"]!).length;
