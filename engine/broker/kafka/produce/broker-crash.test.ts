import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { createTopicsV7 } from "@platformatic/kafka";
import { type Cluster, startCluster } from "../../../../infra/kafka/cluster.ts";
import { KafkaBatchWriter } from "../codec/batch-writer.ts";
import { startFaultProxy } from "../proving/fault-proxy.ts";
import { readCommitted } from "../proving/independent-readers.ts";
import { describeKafka, uniqueName } from "../proving/kafka-test.ts";
import { parseClusterUrl } from "../wire/cluster-url.ts";
import { KafkaClient } from "../wire/kafka-client.ts";
import { persist } from "../wire/persist.ts";
import { IdempotentProducer } from "./idempotent-producer.ts";
import type { PartitionBatches } from "./partition-batches.ts";

const dayMs = 86_400_000;

// A broker that was started again has forgotten the producers whose last record is older than a day by its own time (`producer.id.expiration.ms`, Kafka
// 4.3.1, ProducerStateManager): what is sent again is new to it.
describeKafka("a broker that dies behind a batch before it has answered", { timeout: 120_000 }, () => {
  let folder: string;
  let cluster: Cluster;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "millrace-broker-crash-"));
    cluster = await startCluster({ dataFolder: folder });
  }, 120_000);
  afterAll(async () => {
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  test.each([
    ["of today", 0],
    ["of last month", 30 * dayMs],
  ])("[K27] records %s are there once, in their order, the first of the producer and a later one", async (_when, ageMs) => {
    const proxy = await startFaultProxy();
    onTestFinished(() => proxy.close());
    const settings = { ...parseClusterUrl(`kafka://${cluster.bootstrap}`, {}), clientId: "millrace-test" };
    const client = new KafkaClient({ ...settings, via: proxy.via }, "produce", { requestTimeoutMs: 2000 });
    onTestFinished(() => client.close());
    const topic = uniqueName("written");
    const wanted = { name: topic, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] };
    await persist("create", { forMs: 20_000 }, () => client.ask("any", createTopicsV7.api, [[wanted], 10_000, false], "create"));
    const producer = new IdempotentProducer({ client, deadlineMs: 90_000 });
    onTestFinished(() => producer.close(1000));
    const batch = (text: string): PartitionBatches => {
      const writer = new KafkaBatchWriter();
      for (const word of text.split(" ")) writer.addRecord(null, Buffer.from(word), Date.now() - ageMs);
      return { topic, partition: 0, batches: writer.take() };
    };
    /** Sends it to a broker that dies when it has written it. */
    const sendToDeath = async (text: string): Promise<unknown> => {
      const dead = Promise.withResolvers<void>();
      proxy.loseAnswer({ api: "Produce", outcome: "done" });
      const off = proxy.onAnswer("Produce", async () => {
        off();
        await cluster.kill(1);
        dead.resolve();
      });
      const outcome = producer.send([batch(text)]);
      await dead.promise;
      await cluster.restart(1);
      return outcome;
    };
    expect(await sendToDeath("a b")).toMatchObject([{ kind: "written", bases: [0n] }]);
    expect(await producer.send([batch("c")])).toMatchObject([{ kind: "written", bases: [2n] }]);
    expect(await sendToDeath("d e f")).toMatchObject([{ kind: "written", bases: [3n] }]);
    expect(await producer.send([batch("g")])).toMatchObject([{ kind: "written", bases: [6n] }]);
    const values = (await readCommitted(cluster.bootstrap, topic)).map(({ value }) => value?.toString());
    expect(values).toEqual("a b c d e f g".split(" "));
  });
});
