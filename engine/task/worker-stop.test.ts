import { expect, test } from "vitest";
import type { MembershipHooks } from "#broker/broker.ts";
import { chainNode } from "#operators/node.ts";
import { mapValue } from "#operators/stateless.ts";
import type { TestInput } from "#testing/every-way.ts";
import { salesPlan } from "#testing/sales-plan.ts";
import { nodePlan } from "#testing/test-plan.ts";
import { openTestBroker, post, startTestWorker } from "#testing/worker-bench.ts";
import type { StoreAccess } from "./committed-reads.ts";

const inputs = (from: number, count: number): TestInput[] =>
  Array.from({ length: count }, (_, i) => ({ to: "in", key: "k", value: from + i, at: from + i }));

for (const pipeline of [false, true])
  test(`[R7] a worker that is stopped takes no more records: who asks along with that sees its last commit; pipeline ${pipeline}`, async () => {
    const plan = nodePlan(chainNode("pass", {}, () => [mapValue((value) => value) as never]));
    const broker = await openTestBroker(plan);
    let hooks: MembershipHooks | undefined;
    const join = broker.join.bind(broker);
    broker.join = (spec, given) => join(spec, (hooks = given));
    const commit = broker.commit.bind(broker);
    const begun = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    let commits = 0;
    broker.commit = async (asked) => {
      commits += 1;
      begun.resolve();
      await gate.promise;
      return commit(asked);
    };
    // It commits for others only: for a rebalance, and for its end.
    const worker = await startTestWorker(plan, broker, { commitMs: 1e9, pipeline });
    await post(broker, plan, inputs(0, 10));
    await expect.poll(() => [...worker.ownedTasks.values()].map(({ untaken }) => untaken)).toEqual([10]);
    const revoked = hooks!.revoking([]);
    await begun.promise;
    await post(broker, plan, inputs(10, 500));
    const positions = (stores: StoreAccess): readonly bigint[] =>
      stores.tasks("one").flatMap((task) => task.positions.map(({ offset }) => offset));
    const asked = worker.read(positions);
    const stopped = worker.stop();
    gate.resolve();
    await Promise.all([revoked, stopped]);
    expect(await asked).toEqual([10n]);
    expect(commits).toBe(1);
  });

test("[C11] what is asked before the loop has begun is done first: the loop commits nothing beside it", async () => {
  const plan = salesPlan(2);
  const broker = await openTestBroker(plan);
  // A worker that comes behind another one has something to tell at once: how far its tasks have come.
  const order = { id: "o", lines: [{ sku: "s", units: 1 }] };
  await post(broker, plan, [{ to: "orders", key: "c", value: order, at: 1_300_000_000_000 }]);
  const before = await startTestWorker(plan, broker, { markMs: 0 });
  await expect.poll(() => [...before.ownedTasks.values()].some(({ commitNumber }) => commitNumber > 0n)).toBe(true);
  await before.stop();
  const commit = broker.commit.bind(broker);
  const gate = Promise.withResolvers<void>();
  let underWay = 0;
  let most = 0;
  broker.commit = async (asked) => {
    most = Math.max(most, ++underWay);
    await gate.promise;
    const result = await commit(asked);
    underWay -= 1;
    return result;
  };
  const join = broker.join.bind(broker);
  let early: Promise<void> | undefined;
  broker.join = async (spec, hooks) => {
    const membership = await join(spec, hooks);
    early = hooks.revoking([]);
    return membership;
  };
  const worker = await startTestWorker(plan, broker, { commitMs: 0, markMs: 0 });
  await post(broker, plan, [{ to: "orders", key: "c", value: order, at: 1_300_000_100_000 }]);
  for (let i = 0; i < 50; i++) await new Promise(setImmediate);
  expect({ underWay, most }).toEqual({ underWay: 1, most: 1 });
  gate.resolve();
  await early;
  await expect.poll(() => [...worker.ownedTasks.values()].every(({ dirty }) => !dirty)).toBe(true);
  await worker.stop();
  expect(most).toBe(1);
});
