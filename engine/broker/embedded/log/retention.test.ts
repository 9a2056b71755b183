import { afterEach, beforeEach, expect, test } from "vitest";
import { earliest } from "#broker/broker.ts";
import { at, atOnce, batchOf, textsIn } from "#broker/conformance-harness.ts";
import { type EmbeddedBroker, openEmbeddedBroker } from "#broker/embedded/embedded-broker.ts";

let broker: EmbeddedBroker;
let nowMs = 0;
beforeEach(async () => {
  nowMs = 1_000_000;
  broker = openEmbeddedBroker({ path: ":memory:", clock: () => nowMs });
  await broker.ensureTopics([{ name: "test.short", partitions: 2, retention: { kind: "time", ms: 1000 } }]);
});
afterEach(() => broker.close());

const startOf = async (partition: number): Promise<bigint> =>
  (await broker.fetch([at("test.short", partition, earliest)], atOnce))[0]!.logStart;

test("[L12] one call drops a slice, not all of a large backlog, and says that there is more", async () => {
  await Promise.all(Array.from({ length: 3000 }, (_, i) => broker.append([batchOf("test.short", i % 2, [`${i}`])])));
  nowMs += 1001;
  await broker.append([batchOf("test.short", 0, ["new"])]);
  nowMs += 500;
  expect(broker.maintain()).toBe(true);
  expect(await startOf(0)).toBe(1024n);
  expect(await startOf(1)).toBe(0n);
  let calls = 1;
  while (broker.maintain()) calls++;
  expect(calls).toBeLessThan(6);
  expect(await textsIn(broker, "test.short", 0)).toEqual(["new"]);
  expect(await textsIn(broker, "test.short", 1)).toEqual([]);
});

test("[L12] large batches are dropped a few at a time", async () => {
  const large = "x".repeat(1 << 20);
  for (let i = 0; i < 20; i++) await broker.append([batchOf("test.short", 0, [large])]);
  nowMs += 1001;
  expect(broker.maintain()).toBe(true);
  expect(await startOf(0)).toBe(8n);
});

test("[L12] it happens by itself, and leaves the process free to end", async () => {
  await broker.append([batchOf("test.short", 0, ["old"])]);
  nowMs += 1001;
  await expect.poll(() => startOf(0), { timeout: 5000 }).toBe(1n);
});
