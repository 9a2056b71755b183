import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Broker, earliest } from "./broker.ts";
import {
  at,
  atOnce,
  batchOf,
  expectCode,
  type Harness,
  orders,
  payments,
  readFrom,
  seededRandom,
  textsIn,
  topics,
} from "./conformance-harness.ts";
import { type BatchIndex, headerBytesOf, indexBatch, keyOf, noHeaders, RecordBatchBuilder, valueOf } from "./record-batch.ts";

export function logLaws(open: () => Promise<Harness>, keeps: "all" | "nothing"): void {
  describe("log", () => {
    let harness: Harness;
    let broker: Broker;
    beforeEach(async () => {
      harness = await open();
      broker = harness.broker;
      await broker.ensureTopics(topics);
    });
    afterEach(() => harness.close());

    test("[L1] batches lie in call order, each answered with the position of its first record", async () => {
      const answers = await Promise.all([
        broker.append([batchOf(orders, 0, ["a", "b"]), batchOf(orders, 1, ["c"])]),
        broker.append([batchOf(orders, 0, ["d"])]),
        broker.append([batchOf(orders, 0, ["e", "f", "g"])]),
      ]);
      const { found } = await readFrom(broker, at(orders, 0, earliest));
      expect(found.map(({ text }) => text)).toEqual(["a", "b", "d", "e", "f", "g"]);
      expect(await textsIn(broker, orders, 1)).toEqual(["c"]);
      const offsetOf = (text: string): bigint => found.find((record) => record.text === text)!.offset;
      const [first, second, third] = answers.map(([answer]) => answer);
      expect(first).toEqual({ kind: "appended", at: at(orders, 0, offsetOf("a")) });
      expect(second).toEqual({ kind: "appended", at: at(orders, 0, offsetOf("d")) });
      expect(third).toEqual({ kind: "appended", at: at(orders, 0, offsetOf("e")) });
    });

    test("[L1] an append of nothing answers nothing", async () => {
      expect(await broker.append([])).toEqual([]);
    });

    test("[L1] timestamps, sequences, keys, nulls and headers come back as they were", async () => {
      const builder = new RecordBatchBuilder();
      builder.append({ timestamp: 1.5e12, sequence: 7, key: "ключ", value: null, headers: noHeaders });
      builder.append({
        timestamp: 0,
        sequence: 0,
        key: null,
        value: Buffer.alloc(70_000, 3),
        headers: Buffer.from([0, 1, 104, 0, 0, 0, 0]),
      });
      const batch = { topic: orders, partition: 2, kind: "records", ...builder.take()! } as const;
      const before = Buffer.from(batch.bytes);
      await broker.append([batch]);
      const [fetched] = await broker.fetch([at(orders, 2, earliest)], atOnce);
      expect(fetched!.count).toBe(2);
      const hexOf = (bytes: Uint8Array | null): string | null => bytes && Buffer.from(bytes).toString("hex");
      const readable = (index: BatchIndex): unknown =>
        [0, 1].map((i) => [
          index.timestamps[i],
          index.sequences[i],
          hexOf(keyOf(index, i)),
          hexOf(valueOf(index, i)),
          hexOf(headerBytesOf(index, i)),
        ]);
      expect(readable(fetched!.index)).toEqual(readable(indexBatch(before, 2)));
      expect(before.equals(batch.bytes)).toBe(true);
    });

    test("[L2] of many callers at once, each finds its own records in its own order", async () => {
      const random = seededRandom("L2");
      const callers = Array.from({ length: 20 }, (_, caller) => caller);
      const sent = new Map<string, string[]>();
      await Promise.all(
        callers.map(async (caller) => {
          for (let turn = 0; turn < 5; turn++) {
            const calls = Array.from({ length: 5 }, (_, i) => {
              const partition = Math.floor(random() * 3);
              const text = `${caller}:${turn}.${i}`;
              const key = `${caller}/${partition}`;
              sent.set(key, [...(sent.get(key) ?? []), text]);
              return broker.append([batchOf(orders, partition, [text])]);
            });
            await Promise.all(calls);
          }
        }),
      );
      for (const partition of [0, 1, 2]) {
        const texts = await textsIn(broker, orders, partition);
        for (const caller of callers) {
          const own = texts.filter((text) => text.startsWith(`${caller}:`));
          expect(own).toEqual(sent.get(`${caller}/${partition}`) ?? []);
        }
      }
    });

    test("[L3] each position asked is answered, in the order asked, with end and log start", async () => {
      await broker.append([batchOf(orders, 1, ["a", "b"]), batchOf(orders, 1, ["c"])]);
      const answers = await broker.fetch([at(payments, 0, 0n), at(orders, 1, earliest), at(orders, 0, 0n)], atOnce);
      expect(answers.map(({ topic, partition, count }) => [topic, partition, count])).toEqual([
        [payments, 0, 0],
        [orders, 1, 2],
        [orders, 1, 1],
        [orders, 0, 0],
      ]);
      const [empty, first, second] = answers;
      expect(empty).toMatchObject({ end: 0n, logStart: 0n, next: 0n, appendedAtMs: 0 });
      expect(first!.next).toBeLessThanOrEqual(second!.baseOffset);
      expect(second!.next).toBe(second!.end);
      expect(first!.end).toBe(second!.end);
      expect(first!.appendedAtMs).toBeGreaterThan(0);
    });

    test("[L3] reading on from `next` meets every record once, however small the bounds", async () => {
      const random = seededRandom("L3");
      const texts: string[] = [];
      for (let i = 0; i < 60; i++) {
        const batch = Array.from({ length: 1 + Math.floor(random() * 5) }, (_, j) => `${i}.${j}`);
        texts.push(...batch);
        await broker.append([batchOf(orders, 0, batch)]);
      }
      for (const maxBytes of [1, 100, 700, 1 << 20]) {
        const { found, next } = await readFrom(broker, at(orders, 0, earliest), { ...atOnce, maxBytesPerPartition: maxBytes });
        expect(found.map(({ text }) => text)).toEqual(texts);
        expect(found.every(({ offset }, i) => i === 0 || offset > found[i - 1]!.offset)).toBe(true);
        expect((await broker.fetch([at(orders, 0, next)], atOnce))[0]).toMatchObject({ count: 0, end: next });
      }
    });

    test("[L4] a position inside of a stored batch, or in a gap, goes on with the next record", async () => {
      await broker.append([batchOf(orders, 0, ["a", "b", "c"])]);
      await broker.append([batchOf(orders, 0, ["d"])]);
      const { found, next } = await readFrom(broker, at(orders, 0, earliest));
      for (let offset = 0n; offset <= next; offset++) {
        const rest = await readFrom(broker, at(orders, 0, offset));
        expect(rest.found).toEqual(found.filter((record) => record.offset >= offset));
      }
    });

    test("[L5] the bounds are soft: one batch always fits, and no partition starves", async () => {
      const big = "x".repeat(10_000);
      for (const partition of [0, 1, 2]) await broker.append([batchOf(orders, partition, [big]), batchOf(orders, partition, [big])]);
      const positions = new Map([0, 1, 2].map((partition) => [partition, earliest as bigint]));
      const limits = { maxBytes: 1, maxBytesPerPartition: 1, maxWaitMs: 0 };
      const served: number[] = [];
      for (let call = 0; call < 6; call++) {
        const asked = [...positions].map(([partition, offset]) => at(orders, partition, offset));
        const answers = await broker.fetch(asked, limits);
        expect(answers.filter(({ count }) => count > 0)).toHaveLength(1);
        for (const { partition, count, next } of answers) {
          if (count > 0) served.push(partition);
          positions.set(partition, next);
        }
      }
      expect(new Set(served.slice(0, 3)).size).toBe(3);
      expect(new Set(served.slice(3)).size).toBe(3);
    });

    test("[L5] a bound a partition leaves room for the others", async () => {
      const text = "x".repeat(1000);
      for (const partition of [0, 1]) for (let i = 0; i < 10; i++) await broker.append([batchOf(orders, partition, [text])]);
      const answers = await broker.fetch([at(orders, 0, earliest), at(orders, 1, earliest)], {
        maxBytes: 6000,
        maxBytesPerPartition: 3000,
        maxWaitMs: 0,
      });
      for (const partition of [0, 1])
        expect(answers.filter((answer) => answer.partition === partition && answer.count > 0).length).toBeGreaterThan(1);
      expect(answers.length).toBeLessThan(10);
    });

    test("[L6] a fetch that finds nothing waits, is woken by an append to any of its partitions, and sees it", async () => {
      const waiting = broker.fetch([at(orders, 0, 0n), at(payments, 2, 0n)], { ...atOnce, maxWaitMs: 20_000 });
      const answers = await Promise.all([waiting, nextTurn().then(() => broker.append([batchOf(payments, 2, ["woken"])]))]);
      expect(answers[0].map(({ topic, count }) => [topic, count])).toEqual([
        [orders, 0],
        [payments, 1],
      ]);
    });

    test("[L6] a fetch waits no longer than it was asked to", async () => {
      const before = performance.now();
      const answers = await broker.fetch([at(orders, 0, 0n)], { ...atOnce, maxWaitMs: 50 });
      expect(answers).toMatchObject([{ count: 0, next: 0n }]);
      expect(performance.now() - before).toBeGreaterThanOrEqual(45);
    });

    test("[L7] below the log's start and behind its end is out of range", async () => {
      const [answer] = await broker.append([batchOf(orders, 0, ["a"])]);
      expect(answer!.kind).toBe("appended");
      const { next } = await readFrom(broker, at(orders, 0, earliest));
      const error = await expectCode(broker.fetch([at(orders, 0, next + 1n)], atOnce), "BROKER_OFFSET_OUT_OF_RANGE");
      expect(error.at).toBe(`${orders}[0]@${next + 1n}`);
      await expectCode(broker.fetch([at(orders, 0, -2n)], atOnce), "BROKER_OFFSET_OUT_OF_RANGE");
      await expectCode(broker.fetch([at(orders, 0, 2n ** 200n)], atOnce), "BROKER_OFFSET_OUT_OF_RANGE");
    });

    test("[L8] topics and partitions that do not exist are errors, and cost the other batches of the turn nothing", async () => {
      await Promise.all([
        broker.append([batchOf(orders, 0, ["good"])]),
        expectCode(
          broker.append([batchOf(orders, 0, ["with a bad neighbour"]), batchOf("test.nowhere", 0, ["bad"])]),
          "BROKER_UNKNOWN_TOPIC",
        ),
        expectCode(broker.append([batchOf(orders, 3, ["bad"])]), "BROKER_UNKNOWN_TOPIC"),
      ]);
      expect(await textsIn(broker, orders, 0)).toEqual(["good"]);
      await expectCode(broker.fetch([at("test.nowhere", 0, 0n)], atOnce), "BROKER_UNKNOWN_TOPIC");
    });

    test("[L8] a frame that does not hold its records is refused before it is written", async () => {
      const batch = batchOf(orders, 0, ["a", "b"]);
      await expect(broker.append([{ ...batch, count: 3 }])).rejects.toThrow();
      await expect(broker.append([{ ...batch, count: 1 }])).rejects.toThrow();
      await expect(broker.append([{ ...batch, bytes: batch.bytes.subarray(0, 20) }])).rejects.toThrow();
      expect(await textsIn(broker, orders, 0)).toEqual([]);
    });

    test("[L9] the same topics are ensured twice; another shape is refused, and nothing of that call is made", async () => {
      await broker.ensureTopics(topics);
      const fresh = { name: "test.fresh", partitions: 1, retention: { kind: "forever" } } as const;
      await expectCode(broker.ensureTopics([fresh, { ...topics[0]!, partitions: 4 }]), "BROKER_TOPIC_MISMATCH");
      await expectCode(broker.ensureTopics([{ ...topics[0]!, retention: { kind: "time", ms: 1000 } }]), "BROKER_TOPIC_MISMATCH");
      await expectCode(broker.append([batchOf("test.fresh", 0, ["a"])]), "BROKER_UNKNOWN_TOPIC");
      await broker.append([batchOf(orders, 0, ["kept"])]);
      await broker.ensureTopics([fresh, ...topics]);
      expect(await textsIn(broker, orders, 0)).toEqual(["kept"]);
    });

    test("[L10] a closed log refuses every call; a waiting fetch is let go, a waiting append is done first", async () => {
      const waiting = expectCode(broker.fetch([at(orders, 0, 0n)], { ...atOnce, maxWaitMs: 20_000 }), "BROKER_CLOSED");
      await nextTurn();
      const appended = broker.append([batchOf(payments, 0, ["last"])]);
      await broker.close();
      await waiting;
      expect((await appended)[0]).toMatchObject({ kind: "appended" });
      await broker.close();
      const noHooks = {
        assigned: () => Promise.resolve(),
        revoking: () => Promise.resolve(),
        lost: () => Promise.resolve(),
        ended: () => undefined,
      };
      for (const call of [
        broker.append([batchOf(orders, 0, ["late"])]),
        broker.fetch([at(orders, 0, 0n)], atOnce),
        broker.ensureTopics(topics),
        broker.committed("group", []),
        broker.commit({ group: "group", generation: 1, tasks: [], watermarks: [] }),
        broker.join({ group: "group", member: "member", tasks: [] }, noHooks),
      ])
        await expectCode(call, "BROKER_CLOSED");
    });

    if (keeps === "all") {
      test("[L11] what was answered is there when the log is opened again, and offsets go on behind it", async () => {
        await broker.append([batchOf(orders, 0, ["a", "b"])]);
        const before = await readFrom(broker, at(orders, 0, earliest));
        broker = await harness.reopen!();
        await broker.ensureTopics(topics);
        await broker.append([batchOf(orders, 0, ["c"])]);
        const after = await readFrom(broker, at(orders, 0, earliest));
        expect(after.found.slice(0, 2)).toEqual(before.found);
        expect(after.found[2]!.text).toBe("c");
        expect(after.found[2]!.offset).toBeGreaterThanOrEqual(before.next);
      });
    }
  });
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
