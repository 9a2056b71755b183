import { afterEach, expect, test } from "vitest";
import { chainNode } from "#operators/node.ts";
import { mapValue } from "#operators/stateless.ts";
import { nodePlan } from "#testing/test-plan.ts";
import { openTestBroker, post, startTestWorker } from "#testing/worker-bench.ts";

let counting = false;
afterEach(() => {
  counting = false;
});

for (const pipeline of [false, true])
  test(`[R24] while much is processed, the thread has its turns; pipeline ${pipeline}`, async () => {
    let turns = 0;
    const count = (): void => {
      turns += 1;
      if (counting) setImmediate(count);
    };
    const seen: number[] = [];
    const busy = (value: unknown): unknown => {
      seen.push(turns);
      const until = performance.now() + 0.2;
      while (performance.now() < until);
      return value;
    };
    const plan = nodePlan(chainNode("busy", {}, () => [mapValue(busy) as never]));
    const broker = await openTestBroker(plan);
    await post(
      broker,
      plan,
      Array.from({ length: 400 }, (_, i) => ({ to: "in", key: `k${i % 7}`, value: i, at: i })),
    );
    counting = true;
    count();
    let commits = 0;
    const commit = broker.commit.bind(broker);
    broker.commit = (asked) => {
      if (seen.length > 0) commits += 1;
      return commit(asked);
    };
    const worker = await startTestWorker(plan, broker, { commitMs: 1e9, commitRecords: 1000, pipeline });
    await expect.poll(() => seen.length).toBe(400);
    // 80 ms of work, all for one commit, which is not due yet.
    expect(commits).toBe(0);
    expect(new Set(seen).size).toBeGreaterThan(5);
    await worker.stop();
  });
