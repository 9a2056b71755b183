import { expect, onTestFinished, test } from "vitest";
import type { Commit, CommitResult } from "#broker/broker.ts";
import { BrokerError } from "#broker/broker-error.ts";
import { readFrom, seededRandom } from "#broker/conformance-harness.ts";
import type { EmbeddedBroker } from "#broker/embedded/embedded-broker.ts";
import { aggregateByKey } from "#operators/aggregate.ts";
import { chainNode } from "#operators/node.ts";
import { mapRecord } from "#operators/stateless.ts";
import { timestamped, type Timestamped } from "#operators/timestamped.ts";
import { keyValueStore, type KeyValueStore } from "#state/store.ts";
import type { TestInput } from "#testing/every-way.ts";
import { jsonCodec } from "#testing/json-codec.ts";
import { twoTaskPlan } from "#testing/test-plan.ts";
import { openTestBroker, post, startTestWorker } from "#testing/worker-bench.ts";
import type { StoreAccess } from "./committed-reads.ts";
import { storeIdOf } from "./pipeline.ts";
import { repartitionTopicOf } from "./plan.ts";

const sums = chainNode("sums", { sums: keyValueStore(timestamped(jsonCodec)) }, (stores) => [
  aggregateByKey(stores["sums"] as KeyValueStore<Timestamped<number>>, { init: () => 0, add: (sum, n: number) => sum + n }) as never,
]);
const rekey = chainNode("rekey", {}, () => [mapRecord((n: number) => ({ key: `k${n % 7}`, value: n })) as never]);
const plan = twoTaskPlan(rekey, sums, 3);
const input = (n: number): TestInput => ({ to: "in", key: `in${n % 5}`, value: n, at: n });
const partitions = [0, 1, 2];
/** Of each partition of `in`: where its next record will lie. */
async function endsOf(broker: EmbeddedBroker): Promise<readonly bigint[]> {
  const limits = { maxBytes: 1, maxBytesPerPartition: 1, maxWaitMs: 0 };
  const fetched = await broker.fetch(
    partitions.map((partition) => ({ topic: "in", partition, offset: 0n })),
    limits,
  );
  return partitions.map((partition) => fetched.find((one) => one.partition === partition)!.end);
}

/** A log whose commits wait for `gate`, which is told of each and says what becomes of it. */
function gated(broker: EmbeddedBroker, gate: (commit: Commit) => Promise<"commit" | "abort">): EmbeddedBroker {
  const commit = async (asked: Commit): Promise<CommitResult> =>
    (await gate(asked)) === "abort" ? { kind: "aborted", reason: "lost" } : broker.commit(asked);
  return new Proxy(broker, {
    get: (target, name) => {
      const method: unknown = name === "commit" ? commit : Reflect.get(target, name, target);
      return typeof method === "function" ? (method as (...args: unknown[]) => unknown).bind(target) : method;
    },
  });
}

type Task = { readonly partition: number; readonly number: bigint; readonly read: bigint; readonly total: number };
/** What the tasks of a sub-topology have read, and the sum of it that their state shows. */
const tasksOf = (stores: StoreAccess): readonly Task[] =>
  stores.tasks("two").map(({ partition, number, state, positions }) => ({
    partition,
    number,
    read: positions[0]!.offset,
    total: [...state.keyValue<Timestamped<number>>(storeIdOf("second", "sums")).range()].reduce((sum, [, { value }]) => sum + value, 0),
  }));

test("[R25] what is asked behind a token is told with the commit that shows it, though the records never pause", async () => {
  const broker = await openTestBroker(plan);
  const gates: ((outcome: "commit") => void)[] = [];
  let areOpen = false;
  const worker = await startTestWorker(plan, broker, {
    commitMs: 0,
    pipeline: true,
    broker: gated(broker, () => (areOpen ? Promise.resolve("commit") : new Promise((settle) => gates.push(settle)))),
  });
  onTestFinished(() => {
    areOpen = true;
    for (const gate of gates) gate("commit");
  });
  let posted = 0;
  const more = async (): Promise<void> =>
    post(
      broker,
      plan,
      Array.from({ length: 5 }, () => input(posted++)),
    );
  const open = async (): Promise<void> => {
    await expect.poll(() => gates.length).toBe(1);
    // There is always something that is done already and in no commit yet.
    await more();
    await expect.poll(() => [...worker.ownedTasks.values()].some(({ untaken }) => untaken > 0)).toBe(true);
    gates.shift()!("commit");
  };
  await more();
  const shows = (await endsOf(broker)).flatMap((end, partition) => (end > 0n ? [{ topic: "in", partition, offset: end - 1n }] : []));
  const total = Array.from({ length: posted }, (_, n) => n).reduce((sum, n) => sum + n, 0);
  const answers: (readonly Task[])[] = [];
  const asked = worker.readAfter("two", shows, tasksOf).answer.then((seen) => answers.push(seen));
  let commits = 0;
  while (answers.length === 0 && commits < 20) {
    await open();
    commits += 1;
    for (let turns = 0; turns < 10; turns++) await new Promise(setImmediate);
  }
  await asked;
  // The first commit has rekeyed it, the second has counted it.
  expect(commits).toBe(2);
  expect(answers[0]!.reduce((sum, task) => sum + task.total, 0)).toBeGreaterThanOrEqual(total);
});

test("[R26] what a commit has written is read before the next one is taken, though it ends amid other work", async () => {
  const broker = await openTestBroker(plan);
  const taken: (readonly string[])[] = [];
  const begun = Promise.withResolvers<void>();
  const worker = await startTestWorker(plan, broker, {
    commitMs: 0,
    commitRecords: 1_000_000,
    pipeline: true,
    broker: gated(broker, async ({ tasks }) => {
      taken.push(tasks.map(({ task }) => task.split("/")[0]!));
      if (taken.length > 1) return "commit";
      begun.resolve();
      while (![...worker.ownedTasks.values()].some(({ untaken }) => untaken > 0)) await new Promise(setImmediate);
      return "commit";
    }),
  });
  await post(
    broker,
    plan,
    Array.from({ length: 5 }, (_, n) => input(n)),
  );
  await begun.promise;
  await post(
    broker,
    plan,
    Array.from({ length: 20_000 }, (_, n) => input(n)),
  );
  await expect.poll(() => taken.length).toBeGreaterThan(1);
  expect([new Set(taken[0]), new Set(taken[1])]).toEqual([new Set(["one"]), new Set(["one", "two"])]);
});

test("[R26] while the log cannot be read, what is at hand is committed all the same", async () => {
  const broker = await openTestBroker(plan);
  let commits = 0;
  let away = false;
  const retry = { attempts: 100, baseMs: 1, maxMs: 2 };
  const log = gated(broker, async () => {
    // The first writes what is to be read next, and then nothing can be.
    commits += 1;
    away = true;
    return "commit";
  });
  const fetch = broker.fetch.bind(broker);
  broker.fetch = async (positions, limits) => {
    if (away) throw new BrokerError("BROKER_UNREACHABLE", "away", { at: "in", retryable: true });
    return fetch(positions, limits);
  };
  const worker = await startTestWorker(plan, broker, { commitMs: 1, commitRecords: 6, sliceRecords: 1, retry, broker: log });
  // More than the first commit takes; the rest is at hand.
  await post(
    broker,
    plan,
    Array.from({ length: 8 }, () => input(3)),
  );
  await expect.poll(() => commits, { timeout: 10_000 }).toBe(2);
  expect([...worker.ownedTasks.values()].some(({ dirty }) => dirty)).toBe(false);
});

test("[R25] what was read for a commit that is given back is never told: it is read again", async () => {
  const broker = await openTestBroker(plan);
  let abortsLeft = 3;
  let began = 0;
  const worker = await startTestWorker(plan, broker, {
    commitMs: 1,
    pipeline: true,
    retry: { attempts: 100, baseMs: 1, maxMs: 2 },
    broker: gated(broker, async ({ tasks }) => {
      began += 1;
      return tasks.some(({ task }) => task.startsWith("two/")) && abortsLeft-- > 0 ? "abort" : "commit";
    }),
  });
  await post(broker, plan, [input(3)]);
  const partition = (await endsOf(broker)).indexOf(1n);
  let runs = 0;
  const { answer } = worker.readAfter("two", [{ topic: "in", partition, offset: 0n }], (stores) => {
    runs += 1;
    return tasksOf(stores);
  });
  const seen = await answer;
  expect(seen.reduce((sum, { total }) => sum + total, 0)).toBe(3);
  expect(abortsLeft).toBeLessThan(0);
  expect(runs).toBe(4);
  expect(began).toBeGreaterThan(4);
});

test("[R25] whatever commits are made of it, state is told as of the positions that it is told with", async () => {
  const random = seededRandom("R25");
  const broker = await openTestBroker(plan);
  const durable = new Map<string, bigint>();
  const worker = await startTestWorker(plan, broker, {
    commitMs: 1,
    commitRecords: 40,
    sliceRecords: 7,
    pipeline: true,
    retry: { attempts: 100, baseMs: 1, maxMs: 2 },
    broker: gated(broker, async () => {
      for (let turns = Math.floor(random() * 40); turns > 0; turns--) await new Promise(setImmediate);
      return random() < 0.15 ? "abort" : "commit";
    }),
  });
  const seen: Task[] = [];
  const asked: Promise<unknown>[] = [];
  for (let round = 0, n = 0; round < 120; round++) {
    await post(
      broker,
      plan,
      Array.from({ length: 1 + Math.floor(random() * 40) }, () => input(n++)),
    );
    const partition = Math.floor(random() * 3);
    const offset = (await endsOf(broker))[partition]! - 1n;
    const { answer, cancel } = worker.readAfter("two", offset < 0n ? [] : [{ topic: "in", partition, offset }], tasksOf);
    if (random() < 0.1) {
      cancel();
      continue;
    }
    asked.push(
      answer.then((tasks) => {
        for (const task of tasks) {
          seen.push(task);
          // Never an older commit than was told before.
          expect(task.number).toBeGreaterThanOrEqual(durable.get(String(task.partition)) ?? 0n);
          durable.set(String(task.partition), task.number);
        }
      }),
    );
  }
  await Promise.all(asked);
  expect(seen.length).toBeGreaterThan(200);
  const between = await Promise.all(
    partitions.map(async (partition) => readFrom(broker, { topic: repartitionTopicOf("test", "first"), partition, offset: 0n })),
  );
  for (const { partition, read, total } of seen) {
    const before = between[partition]!.found.filter(({ offset, kind }) => kind === "records" && offset < read);
    expect(total, `partition ${partition} before ${read}`).toBe(before.reduce((sum, { text }) => sum + valueIn(text), 0));
  }
});

const valueIn = (text: string): number => {
  const decoded = JSON.parse(text) as number | { readonly value: number };
  return typeof decoded === "number" ? decoded : decoded.value;
};
