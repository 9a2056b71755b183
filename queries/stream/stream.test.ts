import { afterEach, beforeEach, expect, test } from "vitest";
import { minuteMs } from "../testing/shop-plan.ts";
import { pulled, StreamClient } from "../testing/stream-client.ts";
import { openTestShop, type PostedOrder, type TestShop } from "../testing/test-shop.ts";

const day = Date.UTC(2011, 3, 1);
const order = (id: string, minute: number, lines: PostedOrder["lines"]): PostedOrder => ({
  id,
  customer: `customer ${id}`,
  timestamp: day + minute * minuteMs,
  lines,
});

let shop: TestShop;
let client: StreamClient;
beforeEach(async () => {
  shop = await openTestShop({ streams: { clock: { random: () => 0.5 } } });
  client = new StreamClient();
});
afterEach(async () => {
  await client.cut();
  await shop.streams.drain();
  await shop.close();
});

const post = async (...orders: readonly PostedOrder[]): Promise<void> => shop.shown(await shop.post(orders));
const caughtUp = async (query: string): Promise<void> => {
  const rows = await pulled(shop, query);
  await client.until(() => JSON.stringify(client.shown()) === JSON.stringify(rows));
};

test("[Q34] a stream begins with the rows as they stand, then tells each change, and says how far it has come", async () => {
  await post(order("o1", 0, [{ sku: "a", units: 2, revenue: 10_000 }]));
  const response = await client.connect(shop, "/v1/queries/sales-by-sku/stream");
  expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  expect(response.headers.get("x-accel-buffering")).toBe("no");
  expect(response.headers.get("cache-control")).toBe("no-store");
  await client.next("progress");
  expect(client.retryMs).toBe(2500);
  expect(client.names()).toEqual(["snapshot", "progress"]);
  expect(client.events[0]!.data).toEqual({
    part: 0,
    last: true,
    rows: [[expect.stringMatching(/^\d\/\/a$/), { sku: "a", units: 2, revenue: "1.00" }]],
  });
  await post(
    order("o2", 1, [
      { sku: "a", units: 1, revenue: 1 },
      { sku: "b", units: 1, revenue: 1 },
    ]),
  );
  await caughtUp("sales-by-sku");
  expect(client.names().filter((name) => name === "snapshot")).toHaveLength(1);
  expect(client.names()).toContain("upsert");
  const { data } = await client.next("progress");
  expect(data["streamTime"]).toBe("2011-04-01T00:01:00.000Z");
});

test("[Q35] a client that comes back with the last id goes on there, without a snapshot", async () => {
  await post(order("o1", 0, [{ sku: "a", units: 2, revenue: 10_000 }]));
  await client.connect(shop, "/v1/queries/sales-by-sku/stream");
  await client.next("progress");
  await client.cut();
  await post(order("o2", 1, [{ sku: "a", units: 1, revenue: 1 }]));
  await client.connect(shop, "/v1/queries/sales-by-sku/stream");
  await caughtUp("sales-by-sku");
  expect(client.names().filter((name) => name === "snapshot" || name === "reset")).toEqual(["snapshot"]);
});

test("[Q36] an id that is of no use here is answered by reset and the rows as they stand", async () => {
  await post(order("o1", 0, [{ sku: "a", units: 2, revenue: 10_000 }]));
  await client.connect(shop, "/v1/queries/sales-by-sku/stream");
  await client.next("progress");
  const good = client.lastId;
  await client.cut();
  for (const [path, id] of [
    ["sales-by-sku/stream", "x"],
    ["sales-by-sku/stream", `${good.slice(0, -1)}${good.endsWith("A") ? "B" : "A"}`],
    ["sales-by-sku/stream?sku=a", good],
    ["sales-per-minute/stream", good],
  ] as const) {
    const other = new StreamClient();
    other.lastId = id;
    await other.connect(shop, `/v1/queries/${path}`);
    await other.next("snapshot");
    expect(other.names()).toEqual(["reset", "snapshot"]);
    expect(other.events[0]!.id).toBe("");
    await other.cut();
  }
});

test("[Q37] a filtered stream tells the rows that match, and that one does not match any more", async () => {
  await post(
    order("o1", 0, [
      { sku: "a", units: 2, revenue: 1 },
      { sku: "b", units: 1, revenue: 1 },
    ]),
  );
  await client.connect(shop, "/v1/queries/sales-by-sku/stream?units=2&units=3");
  await caughtUp("sales-by-sku?units=2&units=3");
  await post(
    order("o2", 0, [
      { sku: "b", units: 1, revenue: 1 },
      { sku: "a", units: 1, revenue: 1 },
    ]),
  );
  await caughtUp("sales-by-sku?units=2&units=3");
  expect(client.rows.size).toBe(2);
  await post(order("o3", 0, [{ sku: "a", units: 1, revenue: 1 }]));
  await caughtUp("sales-by-sku?units=2&units=3");
  expect(client.rows.size).toBe(1);
});

test("[Q38] rankings are told rank by rank, windows with which of them are final", async () => {
  await client.connect(shop, "/v1/queries/top-per-minute/stream");
  for (let i = 0; i < 12; i++) {
    await post(order(`o${i}`, i / 5, [{ sku: `s${i % 5}`, units: 1, revenue: 1000 * ((i * 7) % 11) }]));
    await caughtUp("top-per-minute");
  }
  expect(client.rows.size).toBeGreaterThan(5);
  await client.cut();
  const windows = (client = new StreamClient());
  await windows.connect(shop, "/v1/queries/sales-per-minute/stream?from=2011-04-01");
  for (let i = 0; i < 40; i++) await shop.post([order(`p${i}`, 2 + i / 8, [{ sku: `s${i % 5}`, units: 1, revenue: 1 }])]);
  await shop.settled();
  const rows = await pulled(shop, "sales-per-minute", { final: true });
  await windows.until(() => JSON.stringify(windows.shownFinal()) === JSON.stringify(rows));
  expect(rows.some((row) => row.includes('"final":true'))).toBe(true);
  expect(rows.some((row) => row.includes('"final":false'))).toBe(true);
});

test("[Q39] snapshot=0 begins with changes only; parameters that make no sense are refused", async () => {
  await post(order("o1", 0, [{ sku: "a", units: 2, revenue: 1 }]));
  await client.connect(shop, "/v1/queries/sales-by-sku/stream?snapshot=0");
  await client.next("progress");
  await post(order("o2", 0, [{ sku: "b", units: 2, revenue: 1 }]));
  await client.next("upsert");
  expect([...client.rows.values()].map(({ sku }) => sku)).toEqual(["b"]);
  for (const [path, status] of [
    ["nothing/stream", 404],
    ["sales-by-sku/stream?limit=3", 400],
    ["sales-by-sku/stream?snapshot=2", 400],
    ["sales-by-sku/stream?nothing=2", 400],
  ] as const) {
    expect((await shop.get(`/v1/queries/${path}`)).status).toBe(status);
  }
  expect((await shop.get("/v1/queries/sales-by-sku/stream", { Accept: "application/json" })).status).toBe(406);
});

test("[Q40] at a graceful stop readers hear the last changes, then drain", async () => {
  await client.connect(shop, "/v1/queries/sales-by-sku/stream");
  await client.next("progress");
  await shop.post([order("o1", 0, [{ sku: "a", units: 2, revenue: 1 }])]);
  const drained = shop.streams.drain();
  await client.until(() => client.names().includes("drain"));
  expect(await client.piece()).toBe(false);
  await drained;
  expect(client.shown()).toEqual(await pulled(shop, "sales-by-sku"));
  expect((await shop.get("/v1/queries/sales-by-sku/stream")).status).toBe(503);
  expect(shop.streams.readerCount).toBe(0);
});

test("[Q36] where tasks begin anew from their last commit, readers go on, or begin anew if something was missed", async () => {
  await shop.close();
  let fence = 0;
  shop = await openTestShop({
    wrap: (broker) => {
      const commit = broker.commit.bind(broker);
      broker.commit = (asked) => (fence-- > 0 ? Promise.resolve({ kind: "fenced", reason: "for a test" }) : commit(asked));
      return broker;
    },
  });
  await post(order("o1", 0, [{ sku: "a", units: 2, revenue: 1 }]));
  await client.connect(shop, "/v1/queries/sales-by-sku/stream");
  await client.next("progress");
  for (let i = 0; i < 8; i++) {
    fence = 3;
    await post(order(`p${i}`, 0, [{ sku: `s${i}`, units: 2, revenue: 1 }]));
    await caughtUp("sales-by-sku");
  }
  expect(client.rows.size).toBe(9);
  // A change that was committed before the feed was there again is known only from the rows as they stand.
  expect(client.names().filter((name) => name === "snapshot").length - client.names().filter((name) => name === "reset").length).toBe(1);
});

test("[Q35] [Q41] what is told behind a snapshot has no id until it has all that the rows showed", async () => {
  await shop.close();
  shop = await openTestShop({ slice: { rows: 1 }, feed: { paceMs: 1 } });
  const lines = ["a", "b", "c", "d"].map((sku) => ({ sku, units: 1, revenue: 1 }));
  await post(order("o1", 0, lines));
  const quick = new StreamClient();
  await quick.connect(shop, "/v1/queries/sales-by-sku/stream");
  await quick.next("progress");
  await client.connect(shop, "/v1/queries/sales-by-sku/stream?sku=a&sku=b&sku=c&sku=d");
  await client.next("snapshot");
  for (let i = 0; i < 3; i++) {
    await post(order(`p${i}`, 0, lines));
    const rows = JSON.stringify(await pulled(shop, "sales-by-sku"));
    await quick.until(() => JSON.stringify(quick.shown()) === rows);
  }
  await caughtUp("sales-by-sku");
  const last = client.events.findIndex(({ name, data }) => name === "snapshot" && data["last"] === true);
  if (client.lastId === "") await client.next("progress");
  const withId = client.events.findIndex(({ id }) => id !== undefined);
  expect(client.events.slice(last + 1, withId).map(({ name }) => name)).toContain("upsert");
  await quick.cut();
});
