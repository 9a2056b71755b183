import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { type Cluster, startCluster } from "../../../../infra/kafka/cluster.ts";
import { createTopicsV7 } from "@platformatic/kafka";
import { describeKafka, uniqueName, until } from "../proving/kafka-test.ts";
import { type FaultProxy, startFaultProxy } from "../proving/fault-proxy.ts";
import { readCommitted } from "../proving/independent-readers.ts";
import type { ClusterSettings } from "../wire/cluster.ts";
import { parseClusterUrl } from "../wire/cluster-url.ts";
import { KafkaClient } from "../wire/kafka-client.ts";
import { persist } from "../wire/persist.ts";
import { TransactionManager } from "./transaction-manager.ts";
import { transactionState } from "./transaction-harness.ts";
import { batches } from "./transaction-samples.ts";
import type { Transaction, TransactionOutcome } from "./transaction.ts";

// A coordinator that was started again knows no producer's last epoch: it takes one that repeats itself for a zombie. And on its way up, while partitions
// have no leader yet, Kafka 4.3 takes them for deleted and leaves out their markers.
describeKafka("a transaction whose coordinator dies and comes back", { timeout: 120_000 }, () => {
  let folder: string;
  let cluster: Cluster;
  let settings: ClusterSettings;
  let proxy: FaultProxy;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "millrace-coordinator-"));
    cluster = await startCluster({ dataFolder: folder });
    settings = { ...parseClusterUrl(`kafka://${cluster.bootstrap}`, {}), clientId: "millrace-test" };
  }, 120_000);
  afterAll(async () => {
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);
  beforeEach(async () => {
    proxy = await startFaultProxy();
    return () => proxy.close();
  });

  async function opened(timeoutMs: number): Promise<{ readonly topic: string; readonly id: string; readonly manager: TransactionManager }> {
    const topic = uniqueName("written");
    const id = uniqueName("producer");
    const client = new KafkaClient({ ...settings, via: proxy.via }, "transaction", { requestTimeoutMs: 2000 });
    onTestFinished(() => client.close());
    const wanted = { name: topic, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] };
    await persist("create", { forMs: 20_000 }, () => client.ask("any", createTopicsV7.api, [[wanted], 10_000, false], "create"));
    // It gives up asking for the end long before the coordinator is back.
    const manager = new TransactionManager({ client, transactionalId: id, timeoutMs, deadlineMs: 1000 });
    await until(() => manager.open().then(() => true), 20_000, "its coordinator has loaded");
    return { topic, id, manager };
  }
  const only = (topic: string, text: string): Transaction => ({
    batches: [batches(topic, text)],
    group: "none",
    member: { generationId: 0, memberId: "nobody", groupInstanceId: null },
    offsets: [],
  });
  /** Runs a transaction whose EndTxn kills the coordinator, before it has seen it or before its answer gets here; settles when it is dead. */
  async function endedByDeath(
    manager: TransactionManager,
    transaction: Transaction,
    when: "onRequest" | "onAnswer",
  ): Promise<{ readonly outcome: Promise<TransactionOutcome> }> {
    const dead = Promise.withResolvers<void>();
    const off = proxy[when]("EndTxn", async () => {
      await cluster.kill(1);
      dead.resolve();
    });
    const outcome = manager.run(transaction);
    await dead.promise;
    off();
    return { outcome };
  }
  const untilLost = (manager: TransactionManager): Promise<unknown> =>
    until(() => manager.phase === "lost", 60_000, "it has stopped asking for the end");
  /** Markers are written a moment after the end is answered. */
  const untilRead = (topic: string, values: readonly string[]): Promise<unknown> =>
    until(async () => (await valuesOf(topic)).join(" ") === values.join(" "), 10_000, `${values.join(" ")} can be read`);
  const valuesOf = async (topic: string): Promise<(string | undefined)[]> =>
    (await readCommitted(cluster.bootstrap, topic)).map(({ value }) => value?.toString());

  test("[K110] [K111] having done the commit and said nothing: it is committed, whatever becomes of the next one", async () => {
    const { topic, manager } = await opened(60_000);
    expect(await manager.run(only(topic, "first"))).toMatchObject({ kind: "committed" });
    proxy.loseAnswer({ api: "EndTxn", outcome: "done" });
    const second = await endedByDeath(manager, only(topic, "second"), "onAnswer");
    await untilLost(manager);
    await cluster.restart(1);
    expect(await second.outcome).toMatchObject({ kind: "committed" });
    await untilRead(topic, ["first", "second"]);
    const refused = (): never => {
      throw new RangeError("not this one");
    };
    await expect(manager.run({ ...only(topic, "refused"), confirm: refused })).rejects.toThrow("not this one");
    expect(await manager.run(only(topic, "third"))).toMatchObject({ kind: "committed" });
    await untilRead(topic, ["first", "second", "third"]);
  });

  test("[K110] [K111] having heard nothing, and given the transaction up since: it is aborted, and stays so when the next one commits", async () => {
    const { topic, id, manager } = await opened(2000);
    expect(await manager.run(only(topic, "first"))).toMatchObject({ kind: "committed" });
    const second = await endedByDeath(manager, only(topic, "second"), "onRequest");
    await untilLost(manager);
    proxy.cut();
    await cluster.restart(1);
    const watching = new KafkaClient(settings, "watch");
    onTestFinished(() => watching.close());
    await until(async () => (await transactionState(watching, id)) === "CompleteAbort", 30_000, "the coordinator has given it up");
    proxy.heal();
    expect(await second.outcome).toMatchObject({ kind: "aborted", error: { ids: ["NETWORK"] } });
    expect(await manager.run(only(topic, "third"))).toMatchObject({ kind: "committed" });
    await untilRead(topic, ["first", "third"]);
  });

  test("[K111] having said that it is committed, while the next one never gets there: it stays committed", async () => {
    const { topic, manager } = await opened(60_000);
    expect(await manager.run(only(topic, "first"))).toMatchObject({ kind: "committed" });
    const second = await endedByDeath(manager, only(topic, "second"), "onAnswer");
    expect(await second.outcome).toMatchObject({ kind: "committed" });
    const third = manager.run(only(topic, "third"));
    await untilLost(manager);
    await cluster.restart(1);
    expect(await third).toMatchObject({ kind: "aborted", error: { ids: ["NETWORK"] } });
    await untilRead(topic, ["first", "second"]);
    expect(await manager.run(only(topic, "fourth"))).toMatchObject({ kind: "committed" });
    await untilRead(topic, ["first", "second", "fourth"]);
  });

  test("[K110] having heard nothing, while a successor takes over: fenced", async () => {
    const { topic, id, manager } = await opened(60_000);
    expect(await manager.run(only(topic, "first"))).toMatchObject({ kind: "committed" });
    proxy.loseAnswer({ api: "EndTxn", outcome: "done" });
    const second = await endedByDeath(manager, only(topic, "second"), "onAnswer");
    proxy.cut();
    await untilLost(manager);
    await cluster.restart(1);
    const successor = new KafkaClient(settings, "transaction");
    onTestFinished(() => successor.close());
    const heir = new TransactionManager({ client: successor, transactionalId: id, timeoutMs: 60_000 });
    await heir.open();
    proxy.heal();
    expect(await second.outcome).toMatchObject({ kind: "fenced", by: "producer" });
    expect(await heir.run(only(topic, "third"))).toMatchObject({ kind: "committed" });
    await untilRead(topic, ["first", "second", "third"]);
  });
});
