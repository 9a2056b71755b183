import { expect, onTestFinished, test } from "vitest";
import { embeddedStateStorage, noWorkerEvents, openEmbeddedBroker, Worker, type WorkerOptions } from "@millrace/engine";
import { shopPlan, shopQueries } from "../testing/shop-plan.ts";
import { createShareAnswerer } from "./answer-share.ts";

test("[Q32] tasks that are being restored, or lie with others, are told apart; a worker that has ended is unreachable", async () => {
  const broker = openEmbeddedBroker({ path: ":memory:" });
  const restored = Promise.withResolvers<void>();
  const slow: WorkerOptions["broker"] = {
    ensureTopics: (specs) => broker.ensureTopics(specs),
    append: (batches) => broker.append(batches),
    join: (group, hooks) => broker.join(group, hooks),
    fetch: (positions, limits) => broker.fetch(positions, limits),
    // The state of the second partition takes its time.
    committed: async (group, tasks) => {
      if (tasks.some((task) => task.endsWith("/1"))) await restored.promise;
      return broker.committed(group, tasks);
    },
    commit: (commit) => broker.commit(commit),
    close: () => broker.close(),
  };
  const worker = new Worker({
    plan: shopPlan(2),
    broker: slow,
    storage: embeddedStateStorage(broker.database),
    member: "w",
    clock: Date.now,
    events: noWorkerEvents,
  });
  const started = worker.start();
  onTestFinished(async () => {
    await worker.stop();
    await broker.close();
  });
  const ask = createShareAnswerer({ member: "w", worker, queries: shopQueries });
  const { signal } = new AbortController();
  const asOf = (...partitions: number[]): ReturnType<typeof ask> => ask({ kind: "as-of", query: "sales-by-sku", partitions }, signal);
  await expect.poll(() => worker.ownedTasks.size).toBe(3);
  expect(await asOf(0)).toMatchObject({ kind: "as-of" });
  expect(await asOf(0, 1)).toEqual({
    kind: "unavailable",
    code: "QUERY_OWNER_RESTORING",
    detail: 'w is restoring partition 1 of "sales-by-sku"',
  });
  expect(await asOf(5)).toMatchObject({
    code: "QUERY_OWNER_MOVED",
    detail: 'w does not process partition 5 of "sales-by-sku" at the moment',
  });
  const position = { topic: "shop-lines-repartition", partition: 0, offset: "0" };
  expect(await ask({ kind: "passed", subTopology: "lines", positions: [position], waitMs: 5 }, signal)).toEqual({
    kind: "passed",
    passed: false,
  });
  restored.resolve();
  await started;
  expect(await asOf(0, 1)).toMatchObject({ kind: "as-of" });
  await worker.stop();
  expect(await asOf(0, 1)).toMatchObject({ code: "QUERY_OWNER_UNREACHABLE", detail: "w is stopping" });
});
