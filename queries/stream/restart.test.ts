import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { shopPlan, shopQueries } from "../testing/shop-plan.ts";
import { pulled, StreamClient } from "../testing/stream-client.ts";
import { openTestShop, type PostedOrder, type TestShop, type TestShopOptions } from "../testing/test-shop.ts";
import { allTasks } from "../task-reader.ts";
import { createStreamAnswerer } from "./answer-stream.ts";

const day = Date.UTC(2011, 3, 1);
const paths = ["sales-by-sku", "sales-per-minute", "top-per-minute"].map((query) => ({ query, path: `/v1/queries/${query}/stream` }));

let folder: string;
let shop: TestShop;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "millrace-restart-"));
  shop = await open();
});
afterEach(async () => {
  await shop.streams.drain();
  await shop.close();
  rmSync(folder, { recursive: true, force: true });
});

const open = (more: TestShopOptions = {}): Promise<TestShop> =>
  openTestShop({ path: join(folder, "log.db"), worker: { idleMs: 20, markMs: 1 }, ...more });

async function restart({ graceful = true } = {}): Promise<void> {
  if (graceful) await shop.streams.drain();
  await shop.close();
  shop = await open();
}

/** Of the last commit of each task that has the queries. */
const numbers = (): Promise<readonly bigint[]> =>
  shop.worker.read((stores) => ["lines", "minutes"].flatMap((id) => stores.tasks(id).map(({ number }) => number)));

let posted = 0;
const post = async (count: number): Promise<void> => {
  const orders = Array.from({ length: count }, (): PostedOrder => {
    const lines = [{ sku: `s${posted % 5}`, units: 1, revenue: posted }];
    return { id: `o${posted++}`, customer: `c${posted % 5}`, timestamp: day + posted * 7000, lines };
  });
  await shop.shown(await shop.post(orders));
};

async function follow(path: string): Promise<StreamClient> {
  const client = new StreamClient();
  await client.connect(shop, path);
  await client.next("progress");
  return client;
}

const isShown = async (client: StreamClient, query: string): Promise<void> => {
  const rows = JSON.stringify(await pulled(shop, query));
  await client.until(() => JSON.stringify(client.shown()) === rows);
};

test("[Q41] behind a restart in good order every reader goes on without a snapshot, twice too, though marks of time were committed since", async () => {
  await post(30);
  const clients = await Promise.all(paths.map(async ({ path, query }) => ({ path, query, client: await follow(path) })));
  for (let round = 0; round < 2; round++) {
    const rest = clients.map(({ client }) => client.until(() => false));
    await post(10);
    await shop.settled();
    await restart();
    expect(await Promise.all(rest)).toEqual([false, false, false]);
    const before = await numbers();
    await expect.poll(numbers).not.toEqual(before);
    for (const { client, path, query } of clients) {
      expect(client.events.at(-1)!.name).toBe("drain");
      expect(client.shown()).toEqual(await pulled(shop, query));
      await client.connect(shop, path);
    }
    await post(10);
    for (const { client, query } of clients) await isShown(client, query);
  }
  for (const { client } of clients) {
    expect(client.names()).not.toContain("reset");
    expect(client.names().filter((name) => name === "snapshot")).toHaveLength(1);
    await client.cut();
  }
});

test("[Q41] [Q36] a reader that missed changes before the restart begins anew", async () => {
  await post(30);
  const { path, query } = paths[1]!;
  const client = await follow(path);
  await client.cut();
  await post(10);
  await restart({ graceful: false });
  await client.connect(shop, path);
  await isShown(client, query);
  expect(client.names().filter((name) => name === "reset")).toHaveLength(1);
  await client.cut();
});

test("[Q36] an id means nothing to another log, however alike its commits are", async () => {
  await post(30);
  const { path, query } = paths[0]!;
  const client = await follow(path);
  await client.cut();
  await shop.streams.drain();
  await shop.close();
  rmSync(folder, { recursive: true, force: true });
  folder = mkdtempSync(join(tmpdir(), "millrace-restart-"));
  shop = await open();
  await post(30);
  await client.connect(shop, path);
  await isShown(client, query);
  expect(client.names()).toContain("reset");
  await client.cut();
});

test("[Q44] a reader to whom nothing can be told hears a comment every 15 s", async () => {
  await post(1);
  let wake: () => void = () => undefined;
  const sleep = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((settle) => {
      if (ms === 15_000) wake = settle;
      signal.addEventListener("abort", () => settle());
      if (ms < 15_000) setTimeout(settle, ms).unref();
    });
  await shop.close();
  shop = await open({ streams: { clock: { sleep } } });
  const client = await follow(paths[0]!.path);
  expect(client.comments).toEqual([]);
  await shop.worker.stop();
  const said = client.until(() => client.comments.length > 0);
  // The first may come while the last changes are still being told.
  const ticking = setInterval(() => wake(), 20);
  await said;
  clearInterval(ticking);
  await client.cut();
});

test("[Q43] a feed that nobody asks for any more ends, and costs nothing from then on", async () => {
  let now = 0;
  let watching = 0;
  const watch = shop.worker.watch.bind(shop.worker);
  shop.worker.watch = (...asked) => {
    const end = watch(...asked);
    watching += 1;
    return () => void (end(), (watching -= 1));
  };
  const onTasks = allTasks(shop.worker, shopPlan(3));
  const asked = { worker: shop.worker, onTasks, queries: shopQueries, log: "log" };
  const answerer = createStreamAnswerer({ ...asked, feed: { idleMs: 1000 }, nowMs: () => now });
  const { signal } = new AbortController();
  const began = await answerer.stream({ kind: "begin", query: "sales-by-sku" }, signal);
  const feed = began.kind === "began" ? began.feed : -1;
  expect(watching).toBe(1);
  await post(3);
  expect(await answerer.stream({ kind: "changes", query: "sales-by-sku", feed, maxWaitMs: 0 }, signal)).toMatchObject({ kind: "changes" });
  now = 2000;
  await post(3);
  expect(watching).toBe(0);
  expect(await answerer.stream({ kind: "changes", query: "sales-by-sku", feed, maxWaitMs: 0 }, signal)).toEqual({ kind: "ended" });
});

test("[Q44] the connection of a reader who takes nothing for two minutes is broken; one who waits for news stays", async () => {
  let now = Date.now();
  let wake: () => void = () => undefined;
  const sleep = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((settle) => {
      if (ms === 10_000) wake = settle;
      signal.addEventListener("abort", () => settle());
      if (ms < 10_000) setTimeout(settle, ms).unref();
    });
  await shop.streams.drain();
  await shop.close();
  shop = await open({ streams: { clock: { sleep, nowMs: () => now } } });
  const stuck = await follow(paths[0]!.path);
  const waiting = await follow(paths[0]!.path);
  let heard = 0;
  const reading = waiting.until(() => (heard = waiting.events.length) < 0, 60_000);
  expect(shop.streams.readerCount).toBe(2);
  for (let minute = 0; minute < 3; minute++) {
    const before = heard;
    await post(1);
    await expect.poll(() => heard).toBeGreaterThan(before);
    now += 60_000;
    wake();
  }
  await expect.poll(() => shop.streams.readerCount).toBe(1);
  await post(1);
  await shop.streams.drain();
  expect(await reading).toBe(false);
  expect(waiting.events.at(-1)!.name).toBe("drain");
  await stuck.cut();
});
