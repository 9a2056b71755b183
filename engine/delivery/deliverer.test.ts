import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEmbeddedBroker, type EmbeddedBroker } from "#broker/embedded/embedded-broker.ts";
import { headerBytesOf, keyTextOf, noHeaders, RecordBatchBuilder, valueOf } from "#broker/record-batch.ts";
import { deadLetterOf } from "#task/dead-letter.ts";
import { noDeliveryEvents } from "./delivery-events.ts";
import { Deliverer, type DelivererOptions } from "./deliverer.ts";
import type { Delivery, DeliveryResult, Sink, SinkLimits } from "./sink.ts";

const topic = "business.alerts";
const partitions = 2;

/** Keeps what it is given, and answers as it is told; delivers what nobody says anything about. */
class RecordingSink implements Sink {
  readonly limits: SinkLimits;
  readonly arrived: Delivery[] = [];
  readonly calls: (readonly Delivery[])[] = [];
  answer: (record: Delivery, signal: AbortSignal) => DeliveryResult | Promise<DeliveryResult> = () => ({ kind: "delivered" });

  constructor(limits: Partial<SinkLimits> = {}) {
    this.limits = { records: 10, bytes: 1_000_000, calls: 2, ...limits };
  }

  async deliver(batch: readonly Delivery[], signal: AbortSignal): Promise<readonly DeliveryResult[]> {
    this.calls.push(batch);
    return Promise.all(
      batch.map(async (record) => {
        const result = await this.answer(record, signal);
        if (result.kind === "delivered") this.arrived.push(record);
        return result;
      }),
    );
  }

  async close(): Promise<void> {}

  valuesOf(key: string): string[] {
    return this.arrived.filter((record) => record.key === key).map(textOf);
  }
}

const textOf = ({ value }: Delivery): string => Buffer.from(value!).toString();

let folder: string;
let broker: EmbeddedBroker;
const running: Deliverer[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "millrace-delivery-"));
  broker = openEmbeddedBroker({ path: join(folder, "log.db") });
  const retention = { kind: "forever" } as const;
  await broker.ensureTopics([topic, `${topic}.dlq`].map((name) => ({ name, partitions, retention })));
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop().catch(() => undefined)));
  await broker.close();
  rmSync(folder, { recursive: true, force: true });
});

async function start(sink: Sink, options: Partial<DelivererOptions> = {}): Promise<Deliverer> {
  const source = { topic, partitions };
  const common = { name: "hook", group: "shop-sink-hook", member: "one", clock: Date.now, events: noDeliveryEvents, commitMs: 0 };
  const deliverer = new Deliverer({ ...common, sink, source, broker, retry: { attempts: 3, baseMs: 1, maxMs: 5 }, ...options });
  running.push(deliverer);
  await deliverer.start();
  return deliverer;
}

async function append(records: readonly (readonly [key: string, value: string])[], partition = 0): Promise<void> {
  const builder = new RecordBatchBuilder();
  for (const [key, value] of records) builder.append({ timestamp: 1, sequence: 0, key, value: Buffer.from(value), headers: noHeaders });
  const { count, bytes } = builder.take()!;
  await broker.append([{ topic, partition, kind: "records", count, bytes }]);
}

async function committed(partition = 0): Promise<number> {
  const [checkpoint] = await broker.committed("shop-sink-hook", [`hook/${partition}` as never]);
  return Number(checkpoint!.next[0]?.offset ?? 0n);
}

async function letters(): Promise<{ key: string | null; value: string; reason: string; detail: string | undefined; source: string }[]> {
  const places = Array.from({ length: partitions }, (_, partition) => ({ topic: `${topic}.dlq`, partition, offset: 0n }));
  const batches = await broker.fetch(places, { maxBytes: 1 << 20, maxBytesPerPartition: 1 << 20, maxWaitMs: 0 });
  return batches.flatMap(({ index, count }) =>
    Array.from({ length: count }, (_, i) => {
      const { reason, detail, source } = deadLetterOf(headerBytesOf(index, i));
      return { key: keyTextOf(index, i), value: valueOf(index, i)!.toString(), reason, detail, source };
    }),
  );
}

describe("deliverer", () => {
  test("[D1][D3] records arrive, each key in order, and their positions are committed", async () => {
    const sink = new RecordingSink();
    await start(sink);
    await append([
      ["a", "1"],
      ["b", "1"],
      ["a", "2"],
      ["a", "3"],
    ]);
    await append([["c", "1"]], 1);
    await expect.poll(() => committed()).toBe(4);
    await expect.poll(() => committed(1)).toBe(1);
    expect([sink.valuesOf("a"), sink.valuesOf("b"), sink.valuesOf("c")]).toEqual([["1", "2", "3"], ["1"], ["1"]]);
    expect(sink.calls.every((batch) => new Set(batch.map(({ key }) => key)).size === batch.length)).toBe(true);
  });

  test("[D3] what was not committed is delivered again, with the same id", async () => {
    const stuck = new RecordingSink();
    stuck.answer = ({ key }) => (key === "a" ? { kind: "retry", reason: "busy" } : { kind: "delivered" });
    const first = await start(stuck, { retry: { attempts: Infinity, baseMs: 1, maxMs: 5 } });
    await append([
      ["a", "1"],
      ["b", "1"],
    ]);
    await expect.poll(() => stuck.valuesOf("b")).toEqual(["1"]);
    await first.stop();
    const sink = new RecordingSink();
    await start(sink);
    await expect.poll(() => committed()).toBe(2);
    expect(sink.arrived.map(({ id }) => id)).toEqual([`${topic}/0/0`, `${topic}/0/1`]);
    expect(stuck.arrived[0]!.id).toBe(`${topic}/0/1`);
  });

  test("[D4] what is refused lies in the dead letters once, with the answer, committed with the position behind it", async () => {
    const sink = new RecordingSink();
    sink.answer = ({ key }) => (key === "bad" ? { kind: "refused", reason: "http-422", answer: "no such field" } : { kind: "delivered" });
    const first = await start(sink);
    await append([
      ["bad", "x"],
      ["a", "1"],
    ]);
    await expect.poll(() => committed()).toBe(2);
    expect(await letters()).toEqual([{ key: "bad", value: "x", reason: "http-422", detail: "no such field", source: `${topic}[0]@0` }]);
    await first.stop();
    await start(new RecordingSink());
    await append([["a", "2"]]);
    await expect.poll(() => committed()).toBe(3);
    expect(await letters()).toHaveLength(1);
  });

  test("[D7] a partition whose other side is slow holds back no other, and is fetched only up to its bound", async () => {
    const sink = new RecordingSink({ records: 1 });
    const gate = Promise.withResolvers<DeliveryResult>();
    sink.answer = ({ at }) => (at.partition === 0 ? gate.promise : { kind: "delivered" });
    await start(sink, { held: 4 });
    for (let i = 0; i < 10; i++) await append([["slow", String(i)]], 0);
    for (let i = 0; i < 10; i++) await append([["fast", String(i)]], 1);
    await expect.poll(() => committed(1)).toBe(10);
    expect(await committed(0)).toBe(0);
    gate.resolve({ kind: "delivered" });
    await expect.poll(() => committed(0)).toBe(10);
    expect(sink.valuesOf("slow")).toEqual(Array.from({ length: 10 }, (_, i) => String(i)));
  });

  test("[D6] while the other side is down one call probes it now and then, and all is delivered when it is back", async () => {
    const sink = new RecordingSink();
    let down = true;
    sink.answer = () => {
      if (down) throw new Error("connection refused");
      return { kind: "delivered" };
    };
    const states: string[] = [];
    await start(sink, {
      breaker: { failures: 2, pause: { attempts: Infinity, baseMs: 20, maxMs: 20 } },
      events: { ...noDeliveryEvents, breaker: (state) => void states.push(state) },
    });
    await append(Array.from({ length: 50 }, (_, i) => [`k${i}`, "1"] as const));
    await expect.poll(() => states.filter((state) => state === "half-open").length).toBeGreaterThan(2);
    const probes = sink.calls.slice(4);
    expect(probes.every((batch) => batch.length === 1)).toBe(true);
    expect(await letters()).toEqual([]);
    down = false;
    await expect.poll(() => committed()).toBe(50);
    expect(states.at(-1)).toBe("closed");
    expect(sink.arrived).toHaveLength(50);
  });

  test("[D8] a call that is not answered in time counts as unknown and is made again; its late answer changes nothing", async () => {
    const sink = new RecordingSink();
    const late = Promise.withResolvers<DeliveryResult>();
    sink.answer = (record) => (textOf(record) === "1" && record.attempt === 0 ? late.promise : { kind: "delivered" });
    await start(sink, { callMs: 20 });
    await append([["a", "1"]]);
    await expect.poll(() => committed()).toBe(1);
    late.resolve({ kind: "refused", reason: "too late" });
    await append([["a", "2"]]);
    await expect.poll(() => sink.calls.some((batch) => textOf(batch[0]!) === "2")).toBe(true);
    expect(await letters()).toEqual([]);
  });

  test("[D9] a stop waits for the calls under way and commits what they did", async () => {
    const sink = new RecordingSink();
    const gate = Promise.withResolvers<DeliveryResult>();
    sink.answer = () => gate.promise;
    const deliverer = await start(sink);
    await append([["a", "1"]]);
    await expect.poll(() => sink.calls.length).toBe(1);
    const stopped = deliverer.stop();
    gate.resolve({ kind: "delivered" });
    await stopped;
    expect(await committed()).toBe(1);
  });

  test("[D9] a second member takes partitions over, and each record is settled by one of them", async () => {
    const [one, two] = [new RecordingSink(), new RecordingSink()];
    await start(one, { member: "one" });
    for (let i = 0; i < 20; i++) await append([[`k${i}`, String(i)]], i % 2);
    await start(two, { member: "two" });
    for (let i = 20; i < 40; i++) await append([[`k${i}`, String(i)]], i % 2);
    await expect.poll(async () => (await committed(0)) + (await committed(1))).toBe(40);
    const values = [...one.arrived, ...two.arrived].map(textOf);
    expect(new Set(values).size).toBe(40);
  });

  test("[D3] an origin stands in front of ids, so that those of a topic made anew are others", async () => {
    const sink = new RecordingSink();
    await start(sink, { origin: "first-log" });
    await append([["a", "1"]]);
    await expect.poll(() => sink.arrived.map(({ id }) => id)).toEqual([`first-log/${topic}/0/0`]);
  });

  test("[D12] what is not wanted is passed over: it is not delivered, takes no place, and the position passes it", async () => {
    const sink = new RecordingSink();
    let skipped = 0;
    const events = { ...noDeliveryEvents, skipped: (records: number): void => void (skipped += records) };
    await start(sink, { wants: ({ key }) => key !== "b", events, held: 2 });
    await append([
      ["b", "1"],
      ["a", "1"],
      ["b", "2"],
      ["a", "2"],
      ["b", "3"],
    ]);
    await expect.poll(() => committed()).toBe(5);
    expect(sink.arrived.map(({ key, value }) => [key, Buffer.from(value!).toString()])).toEqual([
      ["a", "1"],
      ["a", "2"],
    ]);
    expect(skipped).toBe(3);
  });

  test("[D13] how far each partition is, and the breaker, can be seen at any time", async () => {
    const sink = new RecordingSink();
    let busy = true;
    sink.answer = () => (busy ? { kind: "retry", reason: "busy" } : { kind: "delivered" });
    const pause = { attempts: Infinity, baseMs: 1, maxMs: 5 };
    const deliverer = await start(sink, { retry: pause, breaker: { failures: 2, pause } });
    await append([
      ["a", "1"],
      ["b", "1"],
    ]);
    await expect.poll(() => deliverer.snapshot().breaker).not.toBe("closed");
    expect(deliverer.snapshot()).toMatchObject({
      unsettled: 2,
      lags: [
        { partition: 0, records: 2 },
        { partition: 1, records: 0, ms: 0 },
      ],
    });
    expect(deliverer.snapshot().lags[0]!.ms).toBeGreaterThan(0);
    busy = false;
    await expect
      .poll(() => deliverer.snapshot())
      .toEqual({ breaker: "closed", unsettled: 0, lags: [0, 1].map((partition) => ({ partition, records: 0, ms: 0 })) });
  });
});
