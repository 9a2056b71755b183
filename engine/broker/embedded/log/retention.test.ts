import { afterEach, beforeEach, expect, test } from "vitest";
import { batchOf, textsIn } from "#broker/conformance-harness.ts";
import { type EmbeddedBroker, openEmbeddedBroker } from "#broker/embedded/embedded-broker.ts";

let broker: EmbeddedBroker;
let nowMs = 0;
beforeEach(async () => {
  nowMs = 1_000_000;
  broker = openEmbeddedBroker({ path: ":memory:", clock: () => nowMs });
  await broker.ensureTopics([{ name: "test.short", partitions: 2, retention: { kind: "time", ms: 1000 } }]);
});
afterEach(() => broker.close());

/** Read at once, so that nothing happens by itself in between. */
const startOf = (partition: number): unknown =>
  broker.database.connection.prepare("SELECT log_start FROM partitions WHERE partition = ?").get(partition)?.["log_start"];

test("[L12] one call drops a slice, not all of a large backlog, and says that there is more", async () => {
  await Promise.all(Array.from({ length: 3000 }, (_, i) => broker.append([batchOf("test.short", i % 2, [`${i}`])])));
  nowMs += 600;
  await broker.append([batchOf("test.short", 0, ["new"])]);
  nowMs += 600;
  expect(broker.maintain()).toBe(true);
  expect([startOf(0), startOf(1)]).toEqual([1024, 0]);
  expect(broker.maintain()).toBe(true);
  expect([startOf(0), startOf(1)]).toEqual([1500, 548]);
  expect(broker.maintain()).toBe(false);
  expect([startOf(0), startOf(1)]).toEqual([1500, 1500]);
  expect(await textsIn(broker, "test.short", 0)).toEqual(["new"]);
});

test("[L12] large batches are dropped a few at a time", async () => {
  const large = "x".repeat(1 << 20);
  for (let i = 0; i < 20; i++) await broker.append([batchOf("test.short", 0, [large])]);
  nowMs += 1001;
  expect(broker.maintain()).toBe(true);
  expect(startOf(0)).toBe(8);
});

test("[L12] it happens by itself, and leaves the process free to end", async () => {
  await broker.append([batchOf("test.short", 0, ["old"])]);
  nowMs += 1001;
  await expect.poll(() => startOf(0), { timeout: 10_000 }).toBe(1);
}, 12_000);
