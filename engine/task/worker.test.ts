import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Broker, Commit, CommitResult } from "#broker/broker.ts";
import { openEmbeddedBroker, type EmbeddedBroker } from "#broker/embedded/embedded-broker.ts";
import { partitionOf } from "#broker/partitioner.ts";
import { headerBytesOf, keyTextOf, noHeaders, RecordBatchBuilder, valueOf } from "#broker/record-batch.ts";
import { chainNode } from "#operators/node.ts";
import { RecordError } from "#operators/record-error.ts";
import { mapValue } from "#operators/stateless.ts";
import type { Timestamped } from "#operators/timestamped.ts";
import { embeddedStateStorage } from "#state/embedded/embedded-state-storage.ts";
import { salesPlan, type SalesOrder, type Sum } from "#testing/sales-plan.ts";
import { deadLetterOf } from "./dead-letter.ts";
import { countsOf } from "./node-counts.ts";
import { storeIdOf } from "./pipeline.ts";
import type { Plan } from "./plan.ts";
import { Worker } from "./worker.ts";
import type { WorkerOptions } from "./worker-options.ts";
import { noWorkerEvents } from "./worker-events.ts";

const seed = Number(process.env["SEED"] ?? 20_261_121);

/** Park-Miller: small, seeded, good enough for inputs. */
function random(from: number): (below: number) => number {
  let state = (from % 2_147_483_646) + 1;
  return (below) => (state = (state * 48_271) % 2_147_483_647) % below;
}

type Input = { readonly customer: string; readonly timestamp: number; readonly order: SalesOrder };

/** Orders in order of time, some minutes apart now and then. */
function orders(count: number): Input[] {
  const pick = random(seed);
  let timestamp = 1_300_000_000_000;
  return Array.from({ length: count }, (_, i) => {
    timestamp += pick(20) === 0 ? 3_600_000 : pick(3000);
    return {
      customer: `c${pick(40)}`,
      timestamp,
      order: { id: `o${i}`, lines: Array.from({ length: 1 + pick(4) }, () => ({ sku: `s${pick(60)}`, units: 1 + pick(9) })) },
    };
  });
}

/** What the two levels of the plan must answer, by a plain loop. */
function answersOf(inputs: readonly Input[]): { readonly perSku: Record<string, number>; readonly perMinute: Record<string, number> } {
  const perSku: Record<string, number> = {};
  const perMinute: Record<string, number> = {};
  for (const { timestamp, order } of inputs) {
    const start = Math.floor(timestamp / 60_000) * 60_000;
    for (const { sku, units } of order.lines) {
      perSku[`${start} ${sku}`] = (perSku[`${start} ${sku}`] ?? 0) + units;
      perMinute[`${start}`] = (perMinute[`${start}`] ?? 0) + units;
    }
  }
  return { perSku, perMinute };
}

const open: { close(): Promise<void> }[] = [];
const files: string[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
  for (const file of files.splice(0)) rmSync(file, { recursive: true, force: true });
});

function openBroker(path = ":memory:"): EmbeddedBroker {
  const broker = openEmbeddedBroker({ path });
  open.push(broker);
  return broker;
}

/** Whether workers go on while a commit is under way. */
let pipeline = false;

async function startWorker(plan: Plan, broker: EmbeddedBroker, more: Partial<WorkerOptions> = {}): Promise<Worker> {
  const worker = new Worker({
    plan,
    broker,
    storage: embeddedStateStorage(broker.database),
    member: "worker",
    clock: Date.now,
    events: noWorkerEvents,
    commitMs: 2,
    idleMs: 60_000,
    pipeline,
    ...more,
  });
  await worker.start();
  open.push({ close: () => worker.stop() });
  return worker;
}

let sequence = 0;
async function post(broker: Broker, partitions: number, inputs: readonly Input[]): Promise<void> {
  const builders = Array.from({ length: partitions }, () => new RecordBatchBuilder());
  for (const { customer, timestamp, order } of inputs) {
    builders[partitionOf(customer, partitions)]!.append({
      timestamp,
      sequence: ++sequence,
      key: customer,
      value: Buffer.from(JSON.stringify(order)),
      headers: noHeaders,
    });
  }
  await broker.append(
    builders.flatMap((builder, partition) => {
      const frame = builder.take();
      return frame === undefined ? [] : [{ topic: "orders", partition, kind: "records" as const, ...frame }];
    }),
  );
}

async function endsOf(broker: Broker, topic: string, partitions: number): Promise<{ topic: string; partition: number; offset: bigint }[]> {
  const asked = Array.from({ length: partitions }, (_, partition) => ({ topic, partition, offset: -1n }));
  const fetched = await broker.fetch(asked, { maxBytes: 1, maxBytesPerPartition: 1, maxWaitMs: 0 });
  return asked.map(({ partition }) => ({ topic, partition, offset: fetched.find((one) => one.partition === partition)!.end - 1n }));
}

async function answers(worker: Worker, broker: Broker, partitions: number): Promise<ReturnType<typeof answersOf>> {
  await worker.after("minutes", await endsOf(broker, "orders", partitions)).done;
  return worker.read((stores) => {
    const sums = (sub: string, node: string, nameOf: (start: number, key: string) => string): Record<string, number> =>
      Object.fromEntries(
        stores
          .tasks(sub)
          .flatMap(({ state }) => [...state.window<Timestamped<Sum>>(storeIdOf(node, "windows")).range(0, Infinity)])
          .map(([start, key, { value }]) => [nameOf(start, key), value.units]),
      );
    return {
      perSku: sums("lines", "per-sku", (start, key) => `${start} ${key}`),
      perMinute: sums("minutes", "per-minute", (start) => `${start}`),
    };
  });
}

const metasOf = (worker: Worker): Parameters<typeof countsOf>[0] => [...worker.ownedTasks.values()].map(({ meta }) => meta);
const late = (worker: Worker): number => countsOf(metasOf(worker), "per-sku").missed["late"] ?? 0;

describe("[T7] [M5] the same answers however the input is cut", () => {
  for (const partitions of [1, 4, 12]) {
    for (const slice of [1, 100, 1000]) {
      // A commit for each record is slow, and says as much with fewer of them.
      const inputs = orders(slice === 1 ? 300 : 1500);
      const expected = answersOf(inputs);
      for (const how of ["cold", "live"] as const) {
        test(`${partitions} partitions, slices of ${slice}, ${how} (seed ${seed})`, async () => {
          const plan = salesPlan(partitions);
          const broker = openBroker();
          await broker.ensureTopics(plan.topics);
          if (how === "cold") await post(broker, partitions, inputs);
          const worker = await startWorker(plan, broker, { sliceRecords: slice, commitRecords: slice, bufferedRecords: slice });
          if (how === "live") for (let i = 0; i < inputs.length; i += 97) await post(broker, partitions, inputs.slice(i, i + 97));
          expect(await answers(worker, broker, partitions)).toEqual(expected);
          expect(late(worker)).toBe(0);
        });
      }
    }
  }
});

/** The sales plan with a node in front that treats marked orders badly. */
function poisonedPlan(partitions: number, treat: (order: SalesOrder) => void): Plan {
  const plan = salesPlan(partitions);
  const [first, ...others] = plan.subTopologies;
  const guard = chainNode("guard", {}, () => [
    mapValue<SalesOrder, SalesOrder>((order) => {
      treat(order);
      return order;
    }) as never,
  ]);
  const { sources, nodes } = first!;
  return {
    ...plan,
    subTopologies: [
      {
        ...first!,
        sources: [{ ...sources[0]!, to: [{ node: "guard", port: "in" }] }],
        nodes: [{ id: "guard", processor: guard, outputs: { out: { to: [{ node: "lines", port: "in" }], sinks: [] } } }, ...nodes],
      },
      ...others,
    ],
  };
}

const poisoned = (inputs: readonly Input[]): Input[] =>
  inputs.map((input, i) => (i % 100 === 37 ? { ...input, order: { ...input.order, id: `poison-${input.order.id}` } } : input));

for (const [how, ahead] of [
  ["commit by commit", false],
  ["with the next slice at hand while a commit is under way", true],
] as const) {
  describe(how, () => {
    beforeEach(() => {
      pipeline = ahead;
    });
    afterEach(() => {
      pipeline = false;
    });

    describe("stopping, starting and crashing", () => {
      test("[R7] a worker that is stopped and started again, many times, goes on where it was", async () => {
        const folder = mkdtempSync(join(tmpdir(), "millrace-worker-"));
        files.push(folder);
        const inputs = orders(1200);
        const plan = salesPlan(4);
        for (let i = 0; i < inputs.length; i += 200) {
          const broker = openEmbeddedBroker({ path: join(folder, "log.db") });
          const worker = await startWorker(plan, broker);
          await post(broker, 4, inputs.slice(i, i + 200));
          if (i + 200 >= inputs.length) expect(await answers(worker, broker, 4)).toEqual(answersOf(inputs));
          await worker.stop();
          await broker.close();
        }
      });

      test("[R6] commits that the log aborts at random change no answer", async () => {
        const pick = random(seed);
        const inputs = orders(800);
        const plan = salesPlan(4);
        const broker = openBroker();
        let aborted = 0;
        const flaky = new Proxy(broker, {
          get: (target, name) => {
            if (name === "commit") {
              return async (commit: Commit): Promise<CommitResult> => {
                if (pick(3) > 0) return target.commit(commit);
                aborted += 1;
                return { kind: "aborted", reason: "the disk said no" };
              };
            }
            const value: unknown = Reflect.get(target, name, target);
            return typeof value === "function" ? (value as (...args: unknown[]) => unknown).bind(target) : value;
          },
        });
        const worker = await startWorker(plan, broker, { broker: flaky, commitRecords: 50, retry: { attempts: 100, baseMs: 1, maxMs: 2 } });
        await post(broker, 4, inputs);
        expect(await answers(worker, broker, 4)).toEqual(answersOf(inputs));
        expect(aborted).toBeGreaterThan(0);
      });
    });

    describe("records that cannot be processed", () => {
      test("[R1] [R2] [T8] a record that throws leaves by the dead letters, once, with reason, node, place and bytes; nothing else changes", async () => {
        const inputs = poisoned(orders(1000));
        const plan = poisonedPlan(4, ({ id }) => {
          if (id.startsWith("poison")) throw new RecordError("poisoned", `order ${id} is marked`);
        });
        const broker = openBroker();
        await broker.ensureTopics(plan.topics);
        await post(broker, 4, inputs);
        const worker = await startWorker(plan, broker);
        const good = inputs.filter(({ order }) => !order.id.startsWith("poison"));
        expect(await answers(worker, broker, 4)).toEqual(answersOf(good));
        const letters = await readAll(broker, "orders.dlq", 4);
        expect(letters.map(({ value }) => (JSON.parse(value) as SalesOrder).id).sort()).toEqual(
          inputs
            .filter(({ order }) => order.id.startsWith("poison"))
            .map(({ order }) => order.id)
            .sort(),
        );
        for (const { letter } of letters)
          expect(letter).toMatchObject({
            reason: "poisoned",
            node: "guard",
            source: expect.stringMatching(/^orders\[\d\]@\d+$/) as string,
          });
        const counts = countsOf(metasOf(worker), "guard");
        expect(counts).toMatchObject({ in: good.length, emitted: good.length });
      });

      test("[R5] undecodable bytes are dead-lettered on the spot", async () => {
        const plan = salesPlan(1);
        const [first, ...others] = plan.subTopologies;
        const decode = (bytes: Uint8Array | null): unknown => {
          try {
            return JSON.parse(Buffer.from(bytes!).toString());
          } catch (error) {
            throw new RecordError("undecodable", "not JSON", error);
          }
        };
        const strict: Plan = { ...plan, subTopologies: [{ ...first!, sources: [{ ...first!.sources[0]!, decode }] }, ...others] };
        const broker = openBroker();
        await broker.ensureTopics(strict.topics);
        const inputs = orders(50);
        await post(broker, 1, inputs.slice(0, 25));
        const builder = new RecordBatchBuilder();
        builder.append({
          timestamp: 1_300_000_000_000,
          sequence: 0,
          key: "c1",
          value: Buffer.from([0xff, 0x00, 0x7b]),
          headers: noHeaders,
        });
        await broker.append([{ topic: "orders", partition: 0, kind: "records", ...builder.take()! }]);
        await post(broker, 1, inputs.slice(25));
        const worker = await startWorker(strict, broker);
        expect(await answers(worker, broker, 1)).toEqual(answersOf(inputs));
        const [letter, ...rest] = await readAll(broker, "orders.dlq", 1);
        expect(rest).toEqual([]);
        expect(letter).toMatchObject({ key: "c1", letter: { reason: "undecodable", source: "orders[0]@25" } });
        expect(letter!.bytes).toEqual(Buffer.from([0xff, 0x00, 0x7b]));
      });

      test("[R3] an error that may pass is tried again until it does", async () => {
        let failures = 3;
        const plan = poisonedPlan(1, ({ id }) => {
          if (id === "o20" && failures-- > 0) throw Object.assign(new Error("busy"), { retryable: true });
        });
        const broker = openBroker();
        const inputs = orders(40);
        const worker = await startWorker(plan, broker, { retry: { attempts: 5, baseMs: 1, maxMs: 4 } });
        await post(broker, 1, inputs);
        expect(await answers(worker, broker, 1)).toEqual(answersOf(inputs));
        expect(failures).toBeLessThan(0);
        expect(await readAll(broker, "orders.dlq", 1)).toEqual([]);
      });

      test("[R4] a bug stops its task and no other, and eats no record", async () => {
        const inputs = orders(400);
        let broken = true;
        const plan = poisonedPlan(4, ({ id }) => {
          if (broken && id === "o10") throw new TypeError("undefined is not a function");
        });
        const broker = openBroker();
        await broker.ensureTopics(plan.topics);
        await post(broker, 4, inputs);
        const stopped = Promise.withResolvers<unknown>();
        const worker = await startWorker(plan, broker, {
          events: { ...noWorkerEvents, taskStopped: ({ error }) => stopped.resolve(error) },
        });
        expect(await stopped.promise).toBeInstanceOf(TypeError);
        const hit = partitionOf(inputs[10]!.customer, 4);
        expect([...worker.stoppedTasks.keys()]).toEqual([`orders/${hit}`]);
        await worker.after(
          "lines",
          (await endsOf(broker, "orders", 4)).filter(({ partition }) => partition !== hit),
        ).done;
        await worker.stop();
        broken = false;
        const mended = await startWorker(plan, broker);
        expect(await answers(mended, broker, 4)).toEqual(answersOf(inputs));
      });
    });
  });
}

type Letter = {
  readonly key: string | null;
  readonly value: string;
  readonly bytes: Buffer;
  readonly letter: ReturnType<typeof deadLetterOf>;
};
async function readAll(broker: Broker, topic: string, partitions: number): Promise<Letter[]> {
  const found: Letter[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    let offset = -1n;
    for (;;) {
      const fetched = await broker.fetch([{ topic, partition, offset }], {
        maxBytes: 1 << 20,
        maxBytesPerPartition: 1 << 20,
        maxWaitMs: 0,
      });
      for (const { index, count } of fetched) {
        for (let i = 0; i < count; i++) {
          const value = Buffer.from(valueOf(index, i)!);
          found.push({ key: keyTextOf(index, i), value: value.toString(), bytes: value, letter: deadLetterOf(headerBytesOf(index, i)) });
        }
      }
      const { next, end } = fetched.at(-1)!;
      if (next >= end) break;
      offset = next;
    }
  }
  return found;
}

describe("[R8] read your writes", () => {
  test("a row asked for after a token has the event, behind two repartitions", async () => {
    const plan = salesPlan(4);
    const broker = openBroker();
    const worker = await startWorker(plan, broker, { commitMs: 3 });
    const inputs = orders(150);
    const expected: Record<string, number> = {};
    for (const input of inputs) {
      await post(broker, 4, [input]);
      const partition = partitionOf(input.customer, 4);
      const [token] = (await endsOf(broker, "orders", 4)).filter((position) => position.partition === partition);
      const start = Math.floor(input.timestamp / 60_000) * 60_000;
      expected[start] = (expected[start] ?? 0) + input.order.lines.reduce((sum, { units }) => sum + units, 0);
      await worker.after("minutes", [token!]).done;
      const seen = await worker.read((stores) =>
        stores
          .tasks("minutes")
          .flatMap(({ state }) => [...state.window<Timestamped<Sum>>(storeIdOf("per-minute", "windows")).range(start, start + 1)])
          .reduce((sum, [, , { value }]) => sum + value.units, 0),
      );
      expect(seen).toBe(expected[start]);
    }
  });
});
