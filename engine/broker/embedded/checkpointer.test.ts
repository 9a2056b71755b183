import { copyFileSync, renameSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { batchOf, orders, payments, textsIn, topics } from "#broker/conformance-harness.ts";
import { type EmbeddedHarness, openHarness } from "./embedded-harness.ts";

let harness: EmbeddedHarness;
beforeEach(async () => {
  harness = openHarness("file", { tailBytes: 0 });
  await harness.broker.ensureTopics(topics);
});
afterEach(() => harness.close());

const halfMegabyte = "x".repeat(512 << 10);
/** Pages in the write-ahead log. */
const logPages = (): number => Number(harness.broker.database.connection.prepare("PRAGMA wal_checkpoint(NOOP)").get()!["log"]);
const bytesByItself = (): unknown => harness.broker.database.connection.prepare("PRAGMA wal_autocheckpoint").get()!["wal_autocheckpoint"];

async function write(megabytes: number): Promise<number> {
  const appends = megabytes * 2;
  for (let i = 0; i < appends; i++) await harness.broker.append([batchOf(orders, i % 3, [`${i} ${halfMegabyte}`])]);
  return appends;
}

test("[L23] the write-ahead log is copied into the file beside the writing, and begins anew again and again", async () => {
  const appends = await write(64);
  // That were 16,000 pages and more.
  expect(bytesByItself()).not.toBe(4000);
  await expect
    .poll(
      async () => {
        for (let i = 0; i < 8; i++) await harness.broker.append([batchOf(payments, 0, ["small"])]);
        return logPages();
      },
      { timeout: 20_000 },
    )
    .toBeLessThan(12_000);
  const kept = await Promise.all([0, 1, 2].map((partition) => textsIn(harness.broker, orders, partition)));
  expect(
    kept
      .flat()
      .map((text) => Number.parseInt(text, 10))
      .toSorted((a, b) => a - b),
  ).toEqual(Array.from({ length: appends }, (_, i) => i));
  const reopened = await harness.reopen!();
  expect(await textsIn(reopened, orders, 0)).toEqual(kept[0]);
});

test("[L23] a short run has no thread for it", async () => {
  await write(2);
  expect(bytesByItself()).toBe(4000);
});

test("[L23] where another file is found in its place, the thread leaves it alone, SQLite copies by itself, and nothing else changes", async () => {
  renameSync(harness.path, `${harness.path}.moved`);
  // It meets another one in its place.
  copyFileSync(`${harness.path}.moved`, harness.path);
  const appends = await write(40);
  await expect.poll(bytesByItself, { timeout: 20_000 }).toBe(4000);
  const kept = await Promise.all([0, 1, 2].map((partition) => textsIn(harness.broker, orders, partition)));
  expect(kept.flat()).toHaveLength(appends);
  await harness.broker.close();
  renameSync(`${harness.path}.moved`, harness.path);
});
