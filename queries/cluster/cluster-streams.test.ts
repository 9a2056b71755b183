import { afterEach, beforeEach, expect, test } from "vitest";
import { minuteMs } from "../testing/shop-plan.ts";
import { pulled, StreamClient } from "../testing/stream-client.ts";
import { openTestShop, type PostedOrder, type TestShop } from "../testing/test-shop.ts";

const day = Date.UTC(2011, 3, 1);
let count = 0;
/** An order of so many articles. */
const order = (skus: number): PostedOrder => {
  count += 1;
  const lines = Array.from({ length: skus }, (_, i) => ({ sku: `s${i}`, units: 1, revenue: count }));
  return { id: `o${count}`, customer: `c${count % 7}`, timestamp: day + count * minuteMs, lines };
};

let shop: TestShop;
let client: StreamClient;
beforeEach(async () => {
  shop = await openTestShop({ workers: 3, partitions: 6, slice: { rows: 3 } });
  client = new StreamClient();
}, 60_000);
afterEach(async () => {
  await client.cut();
  await shop.streams.drain();
  await shop.close();
}, 60_000);

const post = async (...orders: readonly PostedOrder[]): Promise<void> => shop.shown(await shop.post(orders));
const caughtUp = async (query: string): Promise<void> => {
  const rows = await pulled(shop, query);
  await client.until(() => JSON.stringify(client.shown()) === JSON.stringify(rows), 60_000);
};

test("[Q47] the streams of all owners are one: rows as they stand, then each change", { timeout: 120_000 }, async () => {
  await post(order(20), order(20));
  expect((await client.connect(shop, "/v1/queries/sales-by-sku/stream")).status).toBe(200);
  await client.next("progress");
  await caughtUp("sales-by-sku");
  expect(client.rows.size).toBe(20);
  const snapshots = client.names().filter((name) => name === "snapshot").length;
  expect(snapshots).toBeGreaterThan(6);
  for (let i = 0; i < 5; i++) await post(order(25));
  await caughtUp("sales-by-sku");
  expect(client.names().filter((name) => name === "snapshot")).toHaveLength(snapshots);
  expect(client.names()).not.toContain("reset");
});

test(
  "[Q47] a reader goes on where tasks have moved: without a snapshot where nothing has changed, else from the rows as they stand",
  { timeout: 120_000 },
  async () => {
    await post(order(20));
    await client.connect(shop, "/v1/queries/sales-by-sku/stream");
    await client.next("progress");
    const before = client.names().length;
    await shop.leave(2);
    await client.until(() => client.names().slice(before).includes("progress"), 60_000);
    await caughtUp("sales-by-sku");
    await post(order(22));
    await caughtUp("sales-by-sku");
    expect(client.rows.size).toBe(22);
    await shop.leave(1);
    await post(order(23), order(24));
    await caughtUp("sales-by-sku");
    expect(client.rows.size).toBe(24);
  },
);
