import {
  type AppendResult,
  type Broker,
  deadLetterHeader,
  type EmbeddedBroker,
  encodeHeaders,
  openEmbeddedBroker,
  RecordBatchBuilder,
} from "@millrace/engine";
import { afterEach, expect, test } from "vitest";
import { seededRandom, testSeed } from "#schemas/testing/seeded-random.ts";
import { readDeadLetters, shownBytesOf } from "./read-dead-letters.ts";

const partitions = 3;
const topics = ["orders.dlq", "lines.dlq"].map((name) => ({ name, partitions }));
const opened: EmbeddedBroker[] = [];
afterEach(async () => {
  for (const broker of opened.splice(0)) await broker.close();
});

type Letter = { readonly node: string; readonly place: string; readonly value: Uint8Array | null };

async function openLog(clock: () => number): Promise<EmbeddedBroker> {
  // Offsets have gaps, as they have in Kafka.
  const broker = openEmbeddedBroker({ path: ":memory:", clock, appendGap: ({ record }) => (record === 0 ? 2 : 1) });
  opened.push(broker);
  await broker.ensureTopics(topics.map(({ name }) => ({ name, partitions, retention: { kind: "forever" } })));
  return broker;
}

async function append(log: Broker, where: { topic: string; partition: number }, letters: readonly Letter[]): Promise<AppendResult> {
  const builder = new RecordBatchBuilder();
  for (const { node, place, value } of letters) {
    const headers = encodeHeaders([
      ["correlationid", "c1"],
      [deadLetterHeader.reason, "total-mismatch"],
      [deadLetterHeader.node, node],
      [deadLetterHeader.source, place],
    ]);
    builder.append({ timestamp: 1_300_000_000_000, sequence: 0, key: `of ${place}`, value, headers });
  }
  const [result] = await log.append([{ ...where, kind: "records", ...builder.take()! }]);
  return result!;
}

/** Counts what is read. */
function counting(broker: EmbeddedBroker): Pick<Broker, "fetch"> & { records: number } {
  const log = {
    records: 0,
    fetch: async (...asked: Parameters<Broker["fetch"]>) => {
      const batches = await broker.fetch(...asked);
      for (const { count } of batches) log.records += count;
      return batches;
    },
  };
  return log;
}

test("[TV4] the newest come first, of all partitions and topics, exactly as a reader of everything would find them", async () => {
  const seed = testSeed();
  const random = seededRandom(seed);
  let now = 1_700_000_000_000;
  const log = await openLog(() => now);
  const all: (Letter & { readonly at: number })[] = [];
  for (let i = 0; i < 300; i++) {
    now += random.between(1, 1000);
    const where = { topic: random.pick(topics).name, partition: random.between(0, partitions - 1) };
    const letters = Array.from({ length: random.between(1, 6) }, (_, n) => ({
      node: random.pick(["orders", "orders", "orders", "lines"]),
      place: `letter ${i}.${n}`,
      value: Buffer.from([i % 256, n]),
    }));
    await append(log, where, letters);
    all.unshift(...letters.toReversed().map((letter) => ({ ...letter, at: now })));
  }
  for (const node of [undefined, "orders", "lines", "nobody"]) {
    for (const limit of [1, 20, 100, 5000]) {
      const { letters, complete } = await readDeadLetters(log, { topics, node, limit });
      const wanted = all.filter((letter) => node === undefined || letter.node === node);
      expect({ node, limit, seed, places: letters.map(({ place }) => place) }).toEqual({
        node,
        limit,
        seed,
        places: wanted.slice(0, limit).map(({ place }) => place),
      });
      expect(complete).toBe(wanted.length <= limit);
    }
  }
});

test("[TV4] a letter tells reason, node, place, when it was set aside, its record's time, key and bytes, and where it lies itself", async () => {
  const log = await openLog(() => 1_700_000_000_000);
  const result = await append(log, { topic: "orders.dlq", partition: 2 }, [
    { node: "orders", place: "orders[2]@17", value: Buffer.from('{"a":"ä"}') },
  ]);
  expect(await readDeadLetters(log, { topics, node: "orders", limit: 20 })).toEqual({
    letters: [
      {
        at: "2023-11-14T22:13:20.000Z",
        reason: "total-mismatch",
        node: "orders",
        place: "orders[2]@17",
        detail: null,
        timestamp: "2011-03-13T07:06:40.000Z",
        key: "of orders[2]@17",
        value: { length: 10, base64: Buffer.from('{"a":"ä"}').toString("base64"), text: '{"a":"ä"}', cut: false },
        letter: {
          topic: "orders.dlq",
          partition: 2,
          offset: String((result as Extract<AppendResult, { kind: "appended" }>).at.offset),
        },
        settled: null,
      },
    ],
    complete: true,
  });
});

test("[TV4] however many letters of others there are, a question reads a bounded number of them, and says that it has not seen all", async () => {
  const log = await openLog(Date.now);
  await append(log, { topic: "orders.dlq", partition: 0 }, [{ node: "rare", place: "old", value: null }]);
  for (let i = 0; i < 200; i++) {
    const letters = Array.from({ length: 100 }, (_, n) => ({ node: "orders", place: `${i}.${n}`, value: Buffer.alloc(50) }));
    await append(log, { topic: "orders.dlq", partition: 0 }, letters);
  }
  const counted = counting(log);
  const bounds = { records: 2000, bytes: 1 << 30, ms: 60_000 };
  expect(await readDeadLetters(counted, { topics, node: "rare", limit: 20 }, bounds)).toEqual({ letters: [], complete: false });
  // The last step may be one of the longest, and its batches come whole.
  expect(counted.records).toBeLessThan(bounds.records + 1500);
  const few = counting(log);
  expect((await readDeadLetters(few, { topics, node: undefined, limit: 20 })).letters).toHaveLength(20);
  expect(few.records).toBeLessThan(500);
});

test("[TV4] of a large value the first 4 KiB are shown with its true length, as text where all of it is UTF-8, no character in part", () => {
  const text = `${"a".repeat(4095)}äöü`;
  expect(shownBytesOf(Buffer.from(text))).toEqual({
    length: 4101,
    base64: Buffer.from(text).subarray(0, 4096).toString("base64"),
    text: "a".repeat(4095),
    cut: true,
  });
  expect(shownBytesOf(Buffer.from([0xff, 0x41]))).toEqual({ length: 2, base64: "/0E=", text: null, cut: false });
  expect(shownBytesOf(Buffer.alloc(0))).toEqual({ length: 0, base64: "", text: "", cut: false });
  expect(shownBytesOf(null)).toBeNull();
});
