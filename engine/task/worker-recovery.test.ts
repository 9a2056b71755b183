import { describe, expect, test, vi } from "vitest";
import type { Broker, FetchLimits, TaskId } from "#broker/broker.ts";
import type { EmbeddedBroker } from "#broker/embedded/embedded-broker.ts";
import { aggregateByKey } from "#operators/aggregate.ts";
import { chainNode, type BoundProcessor } from "#operators/node.ts";
import { RecordError } from "#operators/record-error.ts";
import { mapValue } from "#operators/stateless.ts";
import { timestamped, type Timestamped } from "#operators/timestamped.ts";
import type { Codec } from "#state/codec.ts";
import { keyValueStore, type KeyValueStore } from "#state/store.ts";
import type { TestInput } from "#testing/every-way.ts";
import { jsonCodec } from "#testing/json-codec.ts";
import { nodePlan } from "#testing/test-plan.ts";
import { caughtUp, openTestBroker, post, recordsOf, startTestWorker } from "#testing/worker-bench.ts";
import { noWorkerEvents, type WorkerEvents } from "./worker-events.ts";

const node = (treat: (value: unknown) => unknown): BoundProcessor => chainNode("treat", {}, () => [mapValue(treat) as never]);
const inputs = (from: number, count: number, key = "k"): TestInput[] =>
  Array.from({ length: count }, (_, i) => ({ to: "in", key, value: from + i, at: from + i }));
const busy = (): Error => Object.assign(new Error("busy"), { retryable: true });

/** The same broker, with some of its methods replaced. */
function changed(broker: EmbeddedBroker, methods: Partial<Broker>): EmbeddedBroker {
  return new Proxy(broker, {
    get: (target, name) => {
      const method: unknown = Reflect.get(methods, name) ?? Reflect.get(target, name, target);
      return typeof method === "function" ? (method as (...args: unknown[]) => unknown).bind(target) : method;
    },
  });
}

describe("what may pass by itself", () => {
  test("[R3] is tried so often and no more, with growing pauses, also behind records that went well", async () => {
    const plan = nodePlan(
      node((value) => {
        if (value === 3) throw busy();
        return value;
      }),
    );
    const broker = await openTestBroker(plan);
    const retrying: Parameters<WorkerEvents["retrying"]>[0][] = [];
    const stopped = Promise.withResolvers<unknown>();
    const events = { ...noWorkerEvents, retrying: retrying.push.bind(retrying) as never, taskStopped: stopped.resolve as never };
    const retry = { attempts: 3, baseMs: 4, maxMs: 1000 };
    await startTestWorker(plan, broker, { events, retry, random: () => 0 });
    await post(broker, plan, inputs(0, 6));
    expect(await stopped.promise).toMatchObject({ error: { message: "busy" } });
    expect(retrying.map(({ attempt, afterMs }) => [attempt, afterMs])).toEqual([
      [0, 4],
      [1, 8],
      [2, 16],
    ]);
    expect((await recordsOf(broker, plan, "out")).map(({ value }) => value)).toEqual([0, 1, 2]);
  });

  test("[R3] once it has passed, the worker waits for records again instead of asking without end", async () => {
    let failures = 1;
    const plan = nodePlan(
      node((value) => {
        if (failures-- > 0) throw busy();
        return value;
      }),
    );
    const broker = await openTestBroker(plan);
    const waits: number[] = [];
    const fetch = (positions: Parameters<Broker["fetch"]>[0], limits: FetchLimits): ReturnType<Broker["fetch"]> => {
      waits.push(limits.maxWaitMs);
      return broker.fetch(positions, limits);
    };
    const retry = { attempts: 3, baseMs: 1, maxMs: 1 };
    const worker = await startTestWorker(plan, broker, { broker: changed(broker, { fetch }), retry });
    await post(broker, plan, inputs(0, 1));
    await caughtUp(worker, broker, { plan, topic: "in", subTopology: "one" });
    waits.length = 0;
    await vi.waitFor(() => expect(Math.max(...waits)).toBeGreaterThan(50), 10_000);
  });
});

test("[R1] poisoned records cost no more than the records between them", async () => {
  let treated = 0;
  const plan = nodePlan(
    node((value) => {
      treated += 1;
      if ((value as number) % 10 === 7) throw new RecordError("poisoned", "seven");
      return value;
    }),
  );
  const broker = await openTestBroker(plan);
  await post(broker, plan, inputs(0, 500));
  const worker = await startTestWorker(plan, broker, { commitMs: 60_000, commitRecords: 1_000_000 });
  await vi.waitFor(async () => expect(await recordsOf(broker, plan, "in.dlq")).toHaveLength(50), 10_000);
  await worker.stop();
  expect(await recordsOf(broker, plan, "out")).toHaveLength(450);
  expect(treated).toBeLessThan(1100);
});

describe("a task that stands still", () => {
  const sums = (codec: Codec<unknown> = jsonCodec): BoundProcessor =>
    chainNode("sums", { sums: keyValueStore(timestamped(codec)) }, (stores) => [
      aggregateByKey(stores["sums"] as KeyValueStore<Timestamped<number>>, {
        init: () => 0,
        add: (sum, value: number) => {
          if (value < 0) throw new TypeError("a bug");
          return sum + value;
        },
      }) as never,
    ]);

  test("[R4] because its store cannot be encoded costs the other tasks nothing", async () => {
    const codec: Codec<unknown> = {
      ...jsonCodec,
      encode: (value) => {
        if (value === 13) throw new TypeError("thirteen");
        return jsonCodec.encode(value);
      },
    };
    const plan = nodePlan(sums(codec), 2);
    const broker = await openTestBroker(plan);
    const stopped = Promise.withResolvers<{ task: TaskId }>();
    const events = { ...noWorkerEvents, taskStopped: stopped.resolve as never };
    const worker = await startTestWorker(plan, broker, { events });
    // Keys a and d lie on different partitions.
    await post(broker, plan, [
      { to: "in", key: "a", value: 13, at: 1 },
      { to: "in", key: "d", value: 5, at: 1 },
    ]);
    const { task } = await stopped.promise;
    const running = task === "one/0" ? "one/1" : "one/0";
    expect([...worker.stoppedTasks.keys()]).toEqual([task]);
    await vi.waitFor(async () => expect((await recordsOf(broker, plan, "out")).map(({ key }) => key)).toEqual(["d"]), 10_000);
    expect(worker.ownedTasks.get(running as TaskId)!.commitNumber).toBeGreaterThan(0n);
  });

  test("[R4] shows what it had committed, and counts that balance", async () => {
    const plan = nodePlan(sums());
    const broker = await openTestBroker(plan);
    const stopped = Promise.withResolvers<unknown>();
    const worker = await startTestWorker(plan, broker, { events: { ...noWorkerEvents, taskStopped: stopped.resolve } });
    await post(broker, plan, inputs(1, 3));
    await caughtUp(worker, broker, { plan, topic: "in", subTopology: "one" });
    await post(broker, plan, [...inputs(10, 1), { to: "in", key: "k", value: -1, at: 11 }]);
    await stopped.promise;
    const seen = await worker.read((stores) =>
      stores.tasks("one").flatMap(({ state }) => [...state.keyValue<Timestamped<number>>("node.sums").range()]),
    );
    expect(seen).toEqual([["k", { value: 6, timestamp: 3 }]]);
    expect(worker.snapshot().nodes).toMatchObject([{ node: "node", in: 3, emitted: 3 }]);
  });
});

test("[R7] a worker that has stopped refuses to be read", async () => {
  const plan = nodePlan(node((value) => value));
  const worker = await startTestWorker(plan, await openTestBroker(plan));
  await worker.stop();
  await expect(worker.read(() => 1)).rejects.toMatchObject({ code: "WORKER_STOPPED" });
});
