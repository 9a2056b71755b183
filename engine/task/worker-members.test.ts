import { setTimeout } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { aggregateByKey } from "#operators/aggregate.ts";
import { chainNode, type BoundProcessor } from "#operators/node.ts";
import { mapRecord, mapValue } from "#operators/stateless.ts";
import { step } from "#operators/step.ts";
import { timestamped, type Timestamped } from "#operators/timestamped.ts";
import type { Broker, Commit } from "#broker/broker.ts";
import type { EmbeddedBroker } from "#broker/embedded/embedded-broker.ts";
import { embeddedStateStorage } from "#state/embedded/embedded-state-storage.ts";
import { keyValueStore, type KeyValueStore } from "#state/store.ts";
import { Worker } from "#task/worker.ts";
import { noWorkerEvents } from "#task/worker-events.ts";
import type { TestInput } from "#testing/every-way.ts";
import { jsonCodec } from "#testing/json-codec.ts";
import { nodePlan, twoTaskPlan } from "#testing/test-plan.ts";
import { openTestBroker, post, recordsOf, startTestWorker } from "#testing/worker-bench.ts";

const sums: BoundProcessor = chainNode("sums", { sums: keyValueStore(timestamped(jsonCodec)) }, (stores) => [
  aggregateByKey(stores["sums"] as KeyValueStore<Timestamped<number>>, { init: () => 0, add: (sum, n: number) => sum + n }) as never,
]);
const rekey: BoundProcessor = chainNode("rekey", {}, () => [mapRecord((n: number) => ({ key: `k${n % 7}`, value: n })) as never]);
const inputs = (from: number, count: number): TestInput[] =>
  Array.from({ length: count }, (_, i) => ({ to: "in", key: `in${(from + i) % 5}`, value: from + i, at: from + i }));

/** The same broker, with some of its methods replaced. */
function changed(broker: EmbeddedBroker, methods: Partial<Broker>): EmbeddedBroker {
  return new Proxy(broker, {
    get: (target, name) => {
      const method: unknown = Reflect.get(methods, name) ?? Reflect.get(target, name, target);
      return typeof method === "function" ? (method as (...args: unknown[]) => unknown).bind(target) : method;
    },
  });
}

/** The greatest sum a key had: what it amounts to, since only numbers ≥ 0 were added. */
async function totals(broker: Broker, plan: ReturnType<typeof nodePlan>): Promise<number> {
  const last = new Map<string, number>();
  for (const { key, value } of await recordsOf(broker, plan, "out")) last.set(key!, Math.max(last.get(key!) ?? 0, value as number));
  return [...last.values()].reduce((a, b) => a + b, 0);
}

describe("[C11] [R7] members come and go while records flow", () => {
  test("no commit is fenced, nothing is lost and nothing is done twice", async () => {
    const plan = twoTaskPlan(rekey, sums, 4);
    const broker = await openTestBroker(plan);
    const ended: unknown[] = [];
    // Members change while a fetch is under way.
    const fetch = async (...asked: Parameters<Broker["fetch"]>): ReturnType<Broker["fetch"]> => {
      const fetched = await broker.fetch(...asked);
      await setTimeout(1);
      return fetched;
    };
    const start = async (member: string): ReturnType<typeof startTestWorker> => {
      const worker = await startTestWorker(plan, broker, {
        broker: changed(broker, { fetch }),
        member,
        commitMs: 0,
        commitRecords: 10,
        sliceRecords: 5,
      });
      worker.ended.catch((error: unknown) => ended.push(error));
      return worker;
    };
    let posted = 0;
    let posting = true;
    const poster = (async () => {
      while (posting) {
        await post(broker, plan, inputs(posted, 40));
        posted += 40;
        await setTimeout(1);
      }
    })();
    const first = await start("first");
    for (let round = 0; round < 8; round++) {
      const second = await start(`second-${round}`);
      const seen = posted;
      await vi.waitFor(() => expect(posted).toBeGreaterThan(seen + 100), { timeout: 5000 });
      await second.stop();
    }
    posting = false;
    await poster;
    await first.stop();
    await startTestWorker(plan, broker);
    await vi.waitFor(async () => expect(await totals(broker, plan)).toBe((posted * (posted - 1)) / 2), { timeout: 10_000, interval: 100 });
    expect(ended).toEqual([]);
  });
});

test("[C12] a worker whose name another process takes is told so and ends", async () => {
  const plan = twoTaskPlan(rekey, sums, 2);
  const broker = await openTestBroker(plan);
  const first = await startTestWorker(plan, broker, { member: "same" });
  const ended = expect(first.ended).rejects.toMatchObject({ code: "WORKER_FENCED" });
  const second = await startTestWorker(plan, broker, { member: "same" });
  await ended;
  await post(broker, plan, inputs(0, 50));
  await vi.waitFor(async () => expect(await totals(broker, plan)).toBe((50 * 49) / 2), { timeout: 5000, interval: 50 });
  expect(second.ownedTasks.size).toBe(4);
});

test("[C10] a fenced commit costs its tasks what they held, and they begin anew from what is committed", async () => {
  const plan = twoTaskPlan(rekey, sums, 2);
  const broker = await openTestBroker(plan);
  let fenced = 0;
  const commit = async (asked: Commit): ReturnType<Broker["commit"]> =>
    asked.tasks.some(({ outputs }) => outputs.length > 0) && fenced < 3
      ? broker.commit({ ...asked, generation: -++fenced })
      : broker.commit(asked);
  await startTestWorker(plan, broker, { broker: changed(broker, { commit }) });
  await post(broker, plan, inputs(0, 50));
  await vi.waitFor(async () => expect(await totals(broker, plan)).toBe((50 * 49) / 2), { timeout: 5000, interval: 50 });
  expect(fenced).toBe(3);
});

test("[R7] tasks that are open run while the state of others is being brought back", async () => {
  const plan = twoTaskPlan(rekey, sums, 2);
  const broker = await openTestBroker(plan);
  const held = Promise.withResolvers<void>();
  const slow = (task: string): boolean => task === "two/1";
  const committed = async (...[group, tasks]: Parameters<Broker["committed"]>): ReturnType<Broker["committed"]> => {
    if (tasks.some(slow)) await held.promise;
    return broker.committed(group, tasks);
  };
  const worker = new Worker({
    plan,
    broker: changed(broker, { committed }),
    storage: embeddedStateStorage(broker.database),
    member: "worker",
    clock: Date.now,
    events: noWorkerEvents,
    commitMs: 2,
    idleMs: 60_000,
  });
  const started = worker.start();
  await post(broker, plan, inputs(0, 50));
  const half = await vi.waitUntil(async () => (await totals(broker, plan)) || undefined, { timeout: 5000, interval: 50 });
  expect(worker.openingTasks.filter(slow)).toHaveLength(1);
  expect(half).toBeLessThan((50 * 49) / 2);
  held.resolve();
  await started;
  await vi.waitFor(async () => expect(await totals(broker, plan)).toBe((50 * 49) / 2), { timeout: 5000, interval: 50 });
  expect(worker.openingTasks).toEqual([]);
  await worker.stop();
});

test("[R7] no commit names a position that the log has not said", async () => {
  const ticking: BoundProcessor = chainNode("ticking", {}, () => [
    step<unknown, unknown>((out, context) => {
      context.schedule({ id: "tick", kind: "wall-clock", intervalMs: 1 }, (time) => context.emit(out, time, { key: "t", timestamp: time }));
      return (value) => out.next(value);
    }) as never,
  ]);
  const plan = nodePlan(ticking);
  const broker = await openTestBroker(plan);
  const offsets: bigint[] = [];
  const commit = (asked: Commit): ReturnType<Broker["commit"]> => {
    for (const { next } of asked.tasks) for (const { offset } of next) offsets.push(offset);
    return broker.commit(asked);
  };
  const worker = await startTestWorker(plan, broker, { broker: changed(broker, { commit }), commitMs: 0 });
  // Each read wakes the loop, also out of its first fetch.
  for (let i = 0; i < 20; i++) await worker.read(() => undefined);
  await vi.waitFor(() => expect(offsets.length).toBeGreaterThan(3), 10_000);
  expect(offsets.filter((offset) => offset < 0n)).toEqual([]);
});

test("[T1] two nodes that read one topic as sources of two sub-topologies are refused", async () => {
  const plan = nodePlan(chainNode("pass", {}, () => [mapValue((value) => value) as never]));
  const [one] = plan.subTopologies;
  const twice = { ...plan, subTopologies: [one!, { ...one!, id: "two" }] };
  const broker = await openTestBroker(plan);
  await expect(startTestWorker(twice, broker)).rejects.toMatchObject({ code: "WORKER_PLAN" });
});
