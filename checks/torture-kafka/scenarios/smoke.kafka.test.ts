import { expect, test } from "vitest";
import { deadLetterTopicOf, type Plan } from "@millrace/engine";
import { readCommitted } from "#engine/broker/kafka/proving/independent-readers.ts";
import { bootstrapText, describeKafka, openClient, seed, uniqueName, until } from "#engine/broker/kafka/proving/kafka-test.ts";
import { RawWriter } from "#engine/broker/kafka/proving/raw-writer.ts";
import { seededRandom } from "#schemas/testing/seeded-random.ts";
import { flushKey } from "../smoke/flush-key.ts";
import type { SmokeRecord } from "../smoke/generator.ts";
import { pass } from "../smoke/nodes.ts";
import { numberCodec } from "../smoke/number-codec.ts";
import { topicOf } from "../smoke/plan.ts";
import { withBug } from "./faults.ts";
import { Scenario } from "./scenario.ts";

const waitMs = 60_000;

describeKafka("the smoke test on Kafka", { timeout: 180_000 }, () => {
  test("[K92] several partitions and sub-topologies, by several workers that come and go", async () => {
    const scenario = await Scenario.open({ partitions: 3, keys: 40 });
    const a = await scenario.start("a");
    scenario.producer.start();
    const b = await scenario.start("b");
    const c = await scenario.start("c");
    await b.stop();
    await scenario.finish();
    await Promise.all([a.stop(), c.stop()]);
    await scenario.judge();
    await scenario.judgeState();
  });

  test("[K92] input by a transactional producer: what it aborted has never been there", async () => {
    const scenario = await Scenario.open({ keys: 20 });
    const worker = await scenario.start("a");
    const { generator, plan, smoke } = scenario;
    const random = seededRandom(seed);
    const writer = await RawWriter.open(openClient("input"), uniqueName("input"));
    const write = async (records: readonly SmokeRecord[], partitionOf: (record: SmokeRecord, i: number) => number): Promise<void> => {
      for (const [partition, some] of Map.groupBy(records, partitionOf)) {
        const raw = some.map(({ key, value, timestamp }) => ({ key, value: JSON.stringify(value), timestamp }));
        await writer.write(topicOf(plan.name, "data"), partition, raw);
      }
    };
    const sent: SmokeRecord[] = [];
    for (let record = generator.next(); record !== undefined;) {
      const some: SmokeRecord[] = [];
      for (; record !== undefined && some.length < 40; record = generator.next()) some.push(record);
      const byKey = ({ key }: SmokeRecord): number => generator.partitionOf(key);
      if (random.chance(0.4)) {
        await write(some, byKey);
        await writer.end("abort");
      }
      await write(some, byKey);
      await writer.end("commit");
      sent.push(...some);
    }
    const flush = { key: flushKey, value: 0, timestamp: generator.flushTime };
    await write(
      Array.from({ length: smoke.partitions }, () => flush),
      (_record, i) => i,
    );
    await writer.end("commit");
    await scenario.settle();
    await worker.stop();
    await scenario.judge(sent);
    await scenario.judgeState();
  });

  test("[K92] many small transactions", async () => {
    const scenario = await Scenario.open({ keys: 10, valuesPerKey: 20, recordsPerSecond: 50 });
    let commits = 0;
    const worker = await scenario.start("a", {
      worker: { commitMs: 0, commitRecords: 1 },
      events: { committed: () => void (commits += 1) },
    });
    scenario.producer.start();
    await scenario.finish();
    await worker.stop();
    await scenario.judge();
    await scenario.judgeState();
    expect(commits).toBeGreaterThan(100);
  });

  test.each(["relay", "sum"])("[K93] a task that fails in %s stops alone, and goes on where it was once the bug is gone", async (node) => {
    const scenario = await Scenario.open({ keys: 20 });
    const plan = withRelay(scenario.plan);
    const healthy = scenario.open("topics", { plan });
    await healthy.log.broker.ensureTopics(plan.topics);
    await healthy.abandon();
    const stopped: string[] = [];
    // Key 0-29 has it, and some keys behind it.
    const sick = await scenario.start("a", {
      plan: withBug(plan, node, (value) => value === 17),
      events: { taskStopped: ({ task }) => void stopped.push(task) },
    });
    scenario.producer.start();
    await until(() => stopped.length > 0, waitMs, "a task has stopped");
    await scenario.producer.finish();
    await scenario.watch.quiet(1500, { deadlineMs: waitMs });
    const own = node === "relay" ? "relay" : "data";
    expect(stopped.every((task) => task.startsWith(`${own}/`))).toBe(true);
    expect([...sick.worker.stoppedTasks.keys()].toSorted()).toEqual(stopped.toSorted());
    await sick.abandon();
    const again = await scenario.start("a", { plan });
    await scenario.settle();
    await until(async () => (await relayed(scenario)).length >= scenario.producer.acknowledged.length, waitMs, "all is relayed");
    await again.stop();
    await scenario.judge();
    await scenario.judgeState();
    const echoed = await textsOf(topicOf(scenario.plan.name, "echo"));
    expect((await relayed(scenario)).toSorted()).toEqual(echoed.toSorted());
  });

  test("[K94] who was fenced by another under its name ends, and may come back later", async () => {
    const scenario = await Scenario.open({ keys: 40 });
    const first = await scenario.start("a");
    const firstEnded = ended(first.worker.ended);
    scenario.producer.start();
    await until(() => scenario.producer.acknowledged.length > 200, waitMs, "records are sent");
    const second = await scenario.start("a", { stateFile: scenario.stateFile("second") });
    const secondEnded = ended(second.worker.ended);
    expect(await firstEnded).toMatchObject({ code: "WORKER_FENCED" });
    await first.abandon();
    await until(() => scenario.producer.acknowledged.length > 500, waitMs, "more is sent");
    const back = await scenario.start("a");
    expect(await secondEnded).toMatchObject({ code: "WORKER_FENCED" });
    await second.abandon();
    await scenario.finish();
    await back.stop();
    await scenario.judge();
    await scenario.judgeState();
  });
});

/** A sub-topology without any state behind `echo`. */
function withRelay(plan: Plan): Plan {
  const echo = topicOf(plan.name, "echo");
  const { partitions } = plan.topics.find(({ name }) => name === echo)!;
  const topic = relayTopic(plan.name);
  const retention = { kind: "forever" } as const;
  return {
    ...plan,
    topics: [...plan.topics, { name: topic, partitions, retention }, { name: deadLetterTopicOf(echo), partitions, retention }],
    subTopologies: [
      ...plan.subTopologies,
      {
        id: "relay",
        partitions,
        sources: [
          {
            topic: echo,
            decode: (bytes) => (bytes === null ? null : numberCodec.decode(bytes)),
            to: [{ node: "relay", port: "in" }],
            upstream: [],
          },
        ],
        nodes: [{ id: "relay", processor: pass("relay"), outputs: { out: { to: [], sinks: ["relay"] } } }],
        sinks: [
          {
            id: "relay",
            topic,
            partitions,
            kind: "topic",
            key: (_value, { key }) => key,
            encode: (value) => numberCodec.encode(value as number),
          },
        ],
      },
    ],
  };
}

const relayTopic = (name: string): string => `${name}.relayed`;

const relayed = ({ plan }: Scenario): Promise<string[]> => textsOf(relayTopic(plan.name));

async function textsOf(topic: string): Promise<string[]> {
  return (await readCommitted(bootstrapText(), topic)).map(({ key, value }) => `${key?.toString()} ${value?.toString()}`);
}

const ended = (loop: Promise<void>): Promise<unknown> =>
  loop.then(
    () => "ended well",
    (error: unknown) => error,
  );
