import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { taskId } from "#broker/broker.ts";
import { type EmbeddedBroker, openEmbeddedBroker } from "#broker/embedded/embedded-broker.ts";
import { headerBytesOf, keyTextOf, noHeaders, RecordBatchBuilder, valueOf } from "#broker/record-batch.ts";
import { deadLetterOf } from "#task/dead-letter.ts";
import type { BreakerState } from "./breaker.ts";
import { Deliverer, type DelivererOptions } from "./deliverer.ts";
import { noDeliveryEvents } from "./delivery-events.ts";
import type { Sink } from "./sink.ts";

/** How the other side behaves. `refuses` the records whose key begins with `bad`; `cuts` does what is asked and gives no answer. */
export type SinkFault = "none" | "down" | "hangs" | "busy" | "refuses" | "cuts";

/** The other side of a sink, real, and what it has. */
export type SinkHarness = {
  readonly sink: Sink;
  behave(fault: SinkFault): Promise<void>;
  /** What took effect there, once an effect: key and value, in the order of arrival; or the newest value of each key where `keeps` says so. */
  effects(): Promise<readonly { readonly key: string; readonly value: string }[]>;
  readonly keeps: "every" | "newest";
  close(): Promise<void>;
};

const topic = "test.sunk";
const partitions = 2;
const group = "test-sink";
const name = "out";
/** The machine may be busy with others' work. */
const patient = { timeout: 25_000 };

/** What every sink does, whatever it leads to: the laws of delivery, seen from the other side. */
export function sinkConformance(what: string, open: () => Promise<SinkHarness>): void {
  describe(what, () => {
    let folder: string;
    let broker: EmbeddedBroker;
    let harness: SinkHarness;
    const running: Deliverer[] = [];
    const states: BreakerState[] = [];

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), "millrace-sink-"));
      broker = openEmbeddedBroker({ path: join(folder, "log.db") });
      await broker.ensureTopics(
        [topic, `${topic}.dlq`].map((each) => ({ name: each, partitions, retention: { kind: "forever" } as const })),
      );
      states.length = 0;
      harness = await open();
    });

    afterEach(async () => {
      await harness.behave("none");
      await Promise.all(running.splice(0).map((one) => one.stop().catch(() => undefined)));
      await harness.sink.close();
      await harness.close();
      await broker.close();
      rmSync(folder, { recursive: true, force: true });
    });

    const start = async (options: Partial<DelivererOptions> = {}): Promise<Deliverer> => {
      const deliverer = new Deliverer({
        name,
        group,
        member: "one",
        sink: harness.sink,
        source: { topic, partitions },
        broker,
        clock: Date.now,
        events: { ...noDeliveryEvents, breaker: (state) => void states.push(state) },
        retry: { attempts: 3, baseMs: 5, maxMs: 20 },
        breaker: { failures: 2, pause: { attempts: Infinity, baseMs: 20, maxMs: 40 } },
        commitMs: 0,
        callMs: 5000,
        ...options,
      });
      running.push(deliverer);
      await deliverer.start();
      return deliverer;
    };

    /** Appends records in turns to both partitions; a key's own always to the same. */
    const append = async (records: readonly (readonly [key: string, value: string])[]): Promise<void> => {
      for (let partition = 0; partition < partitions; partition++) {
        const builder = new RecordBatchBuilder();
        for (const [key, value] of records)
          if (partitionFor(key) === partition)
            builder.append({ timestamp: 1, sequence: 0, key, value: Buffer.from(value), headers: noHeaders });
        const frame = builder.take();
        if (frame !== undefined) await broker.append([{ topic, partition, kind: "records", count: frame.count, bytes: frame.bytes }]);
      }
    };

    const committed = async (): Promise<number> => {
      const tasks = Array.from({ length: partitions }, (_, partition) => taskId(name, partition));
      const checkpoints = await broker.committed(group, tasks);
      return checkpoints.reduce((sum, { next }) => sum + Number(next[0]?.offset ?? 0n), 0);
    };

    const letters = async (): Promise<{ key: string | null; value: string; reason: string; detail: string | undefined }[]> => {
      const places = Array.from({ length: partitions }, (_, partition) => ({ topic: `${topic}.dlq`, partition, offset: 0n }));
      const batches = await broker.fetch(places, { maxBytes: 1 << 20, maxBytesPerPartition: 1 << 20, maxWaitMs: 0 });
      return batches.flatMap(({ index, count }) =>
        Array.from({ length: count }, (_, i) => {
          const { reason, detail } = deadLetterOf(headerBytesOf(index, i));
          return { key: keyTextOf(index, i), value: valueOf(index, i)!.toString(), reason, detail };
        }),
      );
    };

    /** Each key's values there are all that were sent, once and in order, or the last of them. */
    const expectAll = async (sent: readonly (readonly [string, string])[]): Promise<void> => {
      const there = byKey((await harness.effects()).map(({ key, value }) => [key, value] as const));
      const wanted = byKey(sent);
      if (harness.keeps === "newest") for (const [key, values] of wanted) wanted.set(key, values.slice(-1));
      expect(there).toEqual(wanted);
    };

    const many = (count: number, keys: number, from = 0): (readonly [string, string])[] =>
      Array.from({ length: count }, (_, i) => [`k${(i * 7) % keys}`, `v${from + i}`] as const);

    test("[D1][D3] everything arrives, each key in order", async () => {
      await start();
      const sent = many(200, 13);
      await append(sent);
      await expect.poll(committed, patient).toBe(200);
      await expectAll(sent);
    });

    test("[D6] the other side is down: nothing is lost or given up, and it is hardly bothered", async () => {
      await harness.behave("down");
      await start();
      const sent = many(60, 60);
      await append(sent);
      await expect.poll(() => states).toContain("half-open");
      expect(await committed()).toBe(0);
      await harness.behave("none");
      await expect.poll(committed, patient).toBe(60);
      await expectAll(sent);
      expect(await letters()).toEqual([]);
      expect(states.at(-1)).toBe("closed");
    });

    test("[D2] the other side is busy for a while: all of it is tried again", async () => {
      await harness.behave("busy");
      await start();
      const sent = many(40, 5);
      await append(sent);
      await expect.poll(() => states).toContain("open");
      await harness.behave("none");
      await expect.poll(committed, patient).toBe(40);
      await expectAll(sent);
      expect(await letters()).toEqual([]);
    });

    test("[D4] part of a call is refused: that leaves by the dead letters with what was answered, the rest arrives", async () => {
      await harness.behave("refuses");
      await start();
      const sent = many(40, 8);
      const bad = Array.from({ length: 10 }, (_, i) => [`bad${i}`, `x${i}`] as const);
      await append([...sent.slice(0, 20), ...bad, ...sent.slice(20)]);
      await expect.poll(committed, patient).toBe(50);
      await expectAll(sent);
      const left = await letters();
      expect(left.map(({ key }) => String(key)).toSorted()).toEqual(bad.map(([key]) => String(key)).toSorted());
      expect(new Map(left.map(({ key, value }) => [key, value]))).toEqual(new Map(bad));
      for (const { reason, detail } of left) {
        expect(reason).not.toBe("");
        expect(detail).toBeTruthy();
      }
    });

    test("[D8] no answer within the time of a call: it is made again", async () => {
      await harness.behave("hangs");
      await start({ callMs: 250 });
      const sent = many(10, 10);
      await append(sent);
      await expect.poll(() => states).toContain("open");
      await harness.behave("none");
      await expect.poll(committed, patient).toBe(10);
      await expectAll(sent);
    });

    test("[D3] what was done without an answer is done again, and takes effect once", async () => {
      await harness.behave("cuts");
      await start();
      const sent = many(20, 20);
      await append(sent);
      await expect.poll(() => states).toContain("open");
      await harness.behave("none");
      await expect.poll(committed, patient).toBe(20);
      await expectAll(sent);
    });

    test("[D3] gone between call and commit: whoever comes next delivers it again, and it takes effect once", async () => {
      const sent = many(30, 6);
      const first = new Deliverer({
        name,
        group,
        member: "one",
        sink: harness.sink,
        source: { topic, partitions },
        broker: { ...bound(broker), commit: () => new Promise(() => undefined) },
        clock: Date.now,
        events: noDeliveryEvents,
        commitMs: 0,
      });
      await first.start();
      await append(sent);
      await expect.poll(async () => (await harness.effects()).length).toBeGreaterThan(0);
      // It never comes back from its commit; another one takes its name.
      await start();
      await expect.poll(committed, patient).toBe(30);
      await expectAll(sent);
    });

    test("[D9] a stop leaves nothing half done: what arrived is committed", async () => {
      const deliverer = await start();
      await append(many(100, 10));
      await expect.poll(async () => (await harness.effects()).length).toBeGreaterThan(0);
      await deliverer.stop();
      const before = await committed();
      await start();
      await expect.poll(committed, patient).toBe(100);
      expect(before).toBeGreaterThan(0);
      await expectAll(many(100, 10));
    });
  });
}

const partitionFor = (key: string): number => Buffer.from(key).reduce((sum, byte) => sum + byte, 0) % partitions;

function byKey(records: readonly (readonly [string, string])[]): Map<string, string[]> {
  const map = new Map<string, string[]>();
  for (const [key, value] of records) map.set(key, [...(map.get(key) ?? []), value]);
  return map;
}

/** Its methods, as an object's own. */
function bound(broker: EmbeddedBroker): DelivererOptions["broker"] {
  return {
    ensureTopics: (specs) => broker.ensureTopics(specs),
    append: (batches) => broker.append(batches),
    join: (spec, hooks) => broker.join(spec, hooks),
    fetch: (positions, limits) => broker.fetch(positions, limits),
    committed: (of, tasks) => broker.committed(of, tasks),
    commit: (commit) => broker.commit(commit),
    close: () => broker.close(),
  };
}
