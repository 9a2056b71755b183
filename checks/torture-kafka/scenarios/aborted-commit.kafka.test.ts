import { copyFileSync, existsSync } from "node:fs";
import { expect, test } from "vitest";
import { EmbeddedDatabase } from "#engine/broker/embedded/database.ts";
import { listOffsets } from "#engine/broker/kafka/admin/offsets.ts";
import { startFaultProxy } from "#engine/broker/kafka/proving/fault-proxy.ts";
import { clusterSettings, describeKafka, openClient, until } from "#engine/broker/kafka/proving/kafka-test.ts";
import { embeddedStateStorage } from "../../../engine/state/embedded/embedded-state-storage.ts";
import { topicOf } from "../smoke/plan.ts";
import { dumpOf, dumpTask, type StateDump, storesOf } from "../state-dump.ts";
import { type RunningWorker, Scenario } from "./scenario.ts";

const waitMs = 60_000;
const transactionTimeoutMs = 4000;

/** Where a commit is held until Kafka has given its transaction up, and what Kafka says to it then. */
const ways = [
  { api: "EndTxn", reason: /INVALID_TXN_STATE|TRANSACTION_ABORTABLE/ },
  { api: "TxnOffsetCommit", reason: /INVALID_PRODUCER_EPOCH|INVALID_TXN_STATE|TRANSACTION_ABORTABLE/ },
] as const;

describeKafka("an aborted commit with the next slice taken", { timeout: 180_000 }, () => {
  test.each(ways)("[K97] at $api: memory and file are those of the last commit, and everything is done once", async ({ api, reason }) => {
    const scenario = await Scenario.open({ partitions: 1, keys: 12, recordsPerSecond: 150, tickMs: 3_600_000 });
    const proxy = await startFaultProxy();
    const refusals: { readonly kind: string; readonly reason: string; readonly memory: StateDump; readonly file: StateDump }[] = [];
    const running: RunningWorker = await scenario.start("a", {
      log: { cluster: clusterSettings({ via: proxy.via }), transactionTimeoutMs, sessionTimeoutMs: 30_000 },
      worker: { commitMs: 5, commitRecords: 50 },
      events: {
        commitFailed: ({ kind, reason: why }) => {
          // Behind the worker's own turn at it, and before anything is taken again.
          queueMicrotask(() => refusals.push({ kind, reason: why, memory: memoryOf(running, scenario), file: fileOf(running, scenario) }));
        },
      },
    });
    const { producer, plan } = scenario;
    producer.start();
    await until(() => producer.acknowledged.length > 100, waitMs, "records are sent");
    producer.pause();
    await scenario.settle();
    const committed = await running.worker.read((stores) => dumpOf(plan, stores));

    const held = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    const off = proxy.onRequest(api, () => {
      // On a machine that is busy enough there may have been others.
      refusals.length = 0;
      held.resolve();
      return gate.promise;
    });
    producer.resume();
    await held.promise;
    await until(() => untakenOf(running) > 0, waitMs, "the next slice is taken while the commit is under way");
    await until(() => isOver(scenario), waitMs, "Kafka has given the transaction up");
    expect(untakenOf(running)).toBeGreaterThan(0);
    expect(memoryOf(running, scenario)).not.toEqual(committed);
    off();
    gate.resolve();
    await until(() => refusals.length > 0, waitMs, "the commit is refused");

    const [refusal] = refusals;
    expect(refusal).toMatchObject({ kind: "aborted" });
    expect(refusal!.reason).toMatch(reason);
    expect(refusal!.memory).toEqual(committed);
    expect(refusal!.file).toEqual(committed);
    await scenario.finish();
    await running.stop();
    await proxy.close();
    await scenario.judge();
    await scenario.judgeState();
  });
});

const untakenOf = ({ worker }: RunningWorker): number => [...worker.ownedTasks.values()].reduce((sum, { untaken }) => sum + untaken, 0);

/** Whatever lies in `echo` is decided: no transaction is open there any more. */
async function isOver({ plan }: Scenario): Promise<boolean> {
  const place = [{ topic: topicOf(plan.name, "echo"), partition: 0 }];
  const client = (watching ??= openClient("watch"));
  const [[stable], [high]] = await Promise.all([
    listOffsets(client, place, { at: { kind: "stable-end" } }),
    listOffsets(client, place, { at: { kind: "high-watermark" } }),
  ]);
  return stable!.offset === high!.offset;
}
let watching: ReturnType<typeof openClient> | undefined;

const memoryOf = ({ worker }: RunningWorker, { plan }: Scenario): StateDump =>
  Object.fromEntries(
    [...worker.ownedTasks].map(([id, { stores, plan: sub }]) => {
      expect(plan.subTopologies).toContain(sub);
      return [id, dumpTask(sub, stores)];
    }),
  );

/** Of a copy: the worker has its own file open. */
function fileOf({ stateFile, worker }: RunningWorker, scenario: Scenario): StateDump {
  const copy = scenario.stateFile("copy");
  for (const end of ["", "-wal"]) if (existsSync(stateFile + end)) copyFileSync(stateFile + end, copy + end);
  const database = new EmbeddedDatabase(copy);
  const storage = embeddedStateStorage(database);
  try {
    return Object.fromEntries(
      [...worker.ownedTasks].map(([id, { plan: sub }]) => {
        const state = storage.open(id, storesOf(sub));
        const dump = dumpTask(sub, state);
        state.close();
        return [id, dump];
      }),
    );
  } finally {
    database.close();
  }
}
