import { expect, test } from "vitest";
import type { MembershipHooks } from "#broker/broker.ts";
import { chainNode } from "#operators/node.ts";
import { mapValue } from "#operators/stateless.ts";
import type { TestInput } from "#testing/every-way.ts";
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
