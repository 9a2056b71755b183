import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { afterEach, expect, test } from "vitest";
import { pulled, StreamClient } from "../testing/stream-client.ts";
import { openTestShop, type PostedOrder, type TestShop, type TestShopOptions } from "../testing/test-shop.ts";

const day = Date.UTC(2011, 3, 1);
let shop: TestShop;
let server: Server;
const sockets = new Set<Socket>();
afterEach(async () => {
  await shop.streams.drain();
  server.closeAllConnections();
  server.close();
  await shop.close();
});

async function listen(options: TestShopOptions = {}): Promise<string> {
  shop = await openTestShop(options);
  server = createServer(getRequestListener(shop.app.fetch, { overrideGlobalObjects: false })).listen(0, "127.0.0.1");
  sockets.clear();
  server.on("connection", (socket) => sockets.add(socket));
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/queries`;
}

let posted = 0;
/** Each changes all skus; the text that rows carry makes them large. */
const orders = (count: number, skus: number): PostedOrder[] =>
  Array.from({ length: count }, () => {
    const lines = Array.from({ length: skus }, (_, sku) => ({ sku: `${"s".repeat(400)}${sku}`, units: 1, revenue: 1 }));
    return { id: `o${posted++}`, customer: `c${posted % 5}`, timestamp: day + posted, lines };
  });

test("[Q42] a reader that takes nothing costs no memory, and one that comes back to its senses is told the newest of each row", async () => {
  const url = await listen({ feed: { paceMs: 1 } });
  const slow = new StreamClient();
  const quick = new StreamClient();
  slow.open(await fetch(`${url}/sales-by-sku/stream`));
  await slow.next("progress");
  quick.open(await fetch(`${url}/sales-by-sku/stream`));
  await quick.next("progress");
  let told = 0;
  quick.onRow = () => (told += 1);
  const skus = 500;
  // All of it stays in the ring: some 13 of 16 Mi characters.
  const rounds = 40;
  let largest = 0;
  for (let round = 0; round < rounds; round++) {
    const positions = await shop.post(orders(1, skus));
    await shop.shown(positions);
    await quick.until(() => told >= (round + 1) * skus);
    for (const socket of sockets) largest = Math.max(largest, socket.writableLength);
  }
  expect(told).toBe(rounds * skus);
  // One piece beside what the system's buffers took: a frame has 500 rows of 450 characters, half as much again for its keys.
  expect(largest).toBeLessThan(2 << 20);
  let late = 0;
  slow.onRow = () => (late += 1);
  const rows = JSON.stringify(await pulled(shop, "sales-by-sku"));
  await slow.until(() => JSON.stringify(slow.shown()) === rows);
  expect(slow.names()).not.toContain("reset");
  expect(late).toBeLessThan(told / 2);
  await slow.cut();
  await quick.cut();
}, 60_000);

test("[Q42] a reader whose place has left the ring is told so, and begins anew", async () => {
  const url = await listen({ feed: { paceMs: 1 }, streams: { ring: { changes: 600 } } });
  const slow = new StreamClient().open(await fetch(`${url}/sales-by-sku/stream`));
  await slow.next("progress");
  for (let round = 0; round < 60; round++) await shop.shown(await shop.post(orders(1, 500)));
  const rows = JSON.stringify(await pulled(shop, "sales-by-sku"));
  await slow.until(() => JSON.stringify(slow.shown()) === rows);
  expect(slow.names().filter((name) => name === "reset")).toHaveLength(1);
  expect(slow.names().filter((name) => name === "snapshot").length).toBeGreaterThan(1);
  await slow.cut();
}, 60_000);

test("[Q44] readers are bounded in number; one that hangs up makes room at once", async () => {
  const url = await listen({ streams: { mostReaders: 2 } });
  const controller = new AbortController();
  const one = new StreamClient().open(await fetch(`${url}/sales-by-sku/stream`, { signal: controller.signal }));
  await one.next("snapshot");
  const two = new StreamClient().open(await fetch(`${url}/sales-per-minute/stream`));
  await two.next("snapshot");
  const refused = await fetch(`${url}/top-per-minute/stream`);
  expect(refused.status).toBe(429);
  expect(refused.headers.get("retry-after")).toBe("10");
  expect(await refused.json()).toMatchObject({ type: "/problems/queries/too-many-readers", limit: 2 });
  expect((await fetch(`${url}/sales-by-sku/stream`, { method: "HEAD" })).headers.get("content-type")).toContain("text/event-stream");
  expect(shop.streams.readerCount).toBe(2);
  controller.abort();
  await expect.poll(() => shop.streams.readerCount).toBe(1);
  expect((await fetch(`${url}/sales-by-sku`)).status).toBe(200);
  await two.cut();
  await expect.poll(() => shop.streams.readerCount).toBe(0);
});
