import { setTimeout } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import type { Broker, Commit, CommitResult } from "#broker/broker.ts";
import { seededRandom } from "#broker/conformance-harness.ts";
import type { EmbeddedBroker } from "#broker/embedded/embedded-broker.ts";
import { aggregateByKey } from "#operators/aggregate.ts";
import { chainNode } from "#operators/node.ts";
import { RecordError } from "#operators/record-error.ts";
import { mapRecord } from "#operators/stateless.ts";
import { timestamped, type Timestamped } from "#operators/timestamped.ts";
import { keyValueStore, type KeyValueStore } from "#state/store.ts";
import type { TestInput } from "#testing/every-way.ts";
import { jsonCodec } from "#testing/json-codec.ts";
import { twoTaskPlan } from "#testing/test-plan.ts";
import { caughtUp, openTestBroker, post, recordsOf, startTestWorker } from "#testing/worker-bench.ts";
import { storeIdOf } from "./pipeline.ts";

const sums = chainNode("sums", { sums: keyValueStore(timestamped(jsonCodec)) }, (stores) => [
  aggregateByKey(stores["sums"] as KeyValueStore<Timestamped<number>>, { init: () => 0, add: (sum, n: number) => sum + n }) as never,
]);
/** Numbers that end in 13 are refused. */
const rekey = chainNode("rekey", {}, () => [
  mapRecord((n: number) => {
    if (n % 100 === 13) throw new RecordError("unlucky", `${n} ends in 13`);
    return { key: `k${n % 7}`, value: n };
  }) as never,
]);
const inputs = (from: number, count: number): TestInput[] =>
  Array.from({ length: count }, (_, i) => ({ to: "in", key: `in${(from + i) % 5}`, value: from + i, at: from + i }));

/** A log whose commits take a while, and of which some are not made. */
function slow(broker: EmbeddedBroker, { abort, under }: { abort: () => boolean; under: (commit: Commit) => void }): EmbeddedBroker {
  const commit = async (asked: Commit): Promise<CommitResult> => {
    under(asked);
    await setTimeout(2);
    return abort() ? { kind: "aborted", reason: "lost" } : broker.commit(asked);
  };
  return new Proxy(broker, {
    get: (target, name) => {
      const method: unknown = name === "commit" ? commit : Reflect.get(target, name, target);
      return typeof method === "function" ? (method as (...args: unknown[]) => unknown).bind(target) : method;
    },
  });
}

test("[R9] what is done while a commit is under way stands or falls with it: aborts, poisoned records, members that come, readers that look", async () => {
  const random = seededRandom("R9");
  const plan = twoTaskPlan(rekey, sums, 3);
  const broker: Broker = await openTestBroker(plan);
  let overlapped = 0;
  let aborted = 0;
  const options = { pipeline: true, commitMs: 1, commitRecords: 30, sliceRecords: 7, retry: { attempts: 100, baseMs: 1, maxMs: 3 } };
  const abort = (): boolean => random() < 0.2 && ++aborted > 0;
  const first = await startTestWorker(plan, broker as EmbeddedBroker, {
    ...options,
    broker: slow(broker as EmbeddedBroker, {
      abort,
      under: () => void setTimeout(1).then(() => (overlapped += [...first.ownedTasks.values()].some(({ untaken }) => untaken > 0) ? 1 : 0)),
    }),
    member: "first",
  });
  let posted = 0;
  for (let round = 0; round < 6; round++) {
    for (let i = 0; i < 5; i++) {
      await post(broker, plan, inputs(posted, 100));
      posted += 100;
      await setTimeout(1);
      // A reader sees whole commits: the sums of committed records, each key's never smaller than before.
      await first.read((stores) => stores.tasks("two").map(({ state }) => [...state.keyValue(storeIdOf("second", "sums")).range()].length));
    }
    const other = await startTestWorker(plan, broker as EmbeddedBroker, {
      ...options,
      broker: slow(broker as EmbeddedBroker, { abort, under: () => undefined }),
      member: `other-${round}`,
    });
    await setTimeout(5);
    await other.stop();
  }
  await caughtUp(first, broker, { plan, topic: "in", subTopology: "one" });
  const good = Array.from({ length: posted }, (_, i) => i).filter((n) => n % 100 !== 13);
  const total = good.reduce((sum, n) => sum + n, 0);
  await vi.waitFor(
    async () => {
      const last = new Map<string, number>();
      for (const { key, value } of await recordsOf(broker, plan, "out")) last.set(key!, value as number);
      expect([...last.values()].reduce((sum, n) => sum + n, 0)).toBe(total);
    },
    { timeout: 15_000, interval: 100 },
  );
  expect((await recordsOf(broker, plan, "out")).length).toBe(good.length);
  expect((await recordsOf(broker, plan, "in.dlq")).length).toBe(posted / 100);
  expect(aborted).toBeGreaterThan(5);
  expect(overlapped).toBeGreaterThan(5);
});
