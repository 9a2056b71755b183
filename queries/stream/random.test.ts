import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Position } from "@millrace/engine";
import { afterEach, expect, test } from "vitest";
import { minuteMs } from "../testing/shop-plan.ts";
import { pulled, StreamClient } from "../testing/stream-client.ts";
import { openTestShop, type PostedOrder, type TestShop } from "../testing/test-shop.ts";

const given = process.env["SEED"];
const seeds = given === undefined ? [1, 2, 3].map(() => Math.floor(Math.random() * 1e9)) : [Number(given)];
const day = Date.UTC(2011, 3, 1);

/** Park-Miller: small, seeded, good enough for inputs. */
function random(from: number): (below: number) => number {
  let state = (from % 2_147_483_646) + 1;
  return (below) => (state = (state * 48_271) % 2_147_483_647) % below;
}

let shop: TestShop;
let folder: string;
const followers: Follower[] = [];
afterEach(async () => {
  await Promise.all(followers.splice(0).map((one) => one.client.cut()));
  await shop.streams.drain();
  await shop.close();
  rmSync(folder, { recursive: true, force: true });
});

const open = (path: string, workers: number): Promise<TestShop> =>
  openTestShop({
    path,
    workers,
    partitions: workers === 1 ? 3 : 4,
    retainMs: 5 * minuteMs,
    slice: { rows: 7 },
    feed: { paceMs: 1, sliceRows: 5 },
    streams: { ring: { changes: 200 } },
  });

/** One client of one query; it never sees a sum go back. */
class Follower {
  readonly client = new StreamClient();
  readonly query: string;
  connected = false;

  constructor(query: string) {
    this.query = query;
    if (!query.startsWith("top"))
      this.client.onRow = (key, row, before) => {
        if (before !== undefined && (row["units"] as number) < (before["units"] as number))
          throw new Error(`${query} ${key}: ${JSON.stringify(row)} behind ${JSON.stringify(before)}`);
      };
  }

  async connect(): Promise<void> {
    if (this.connected) return;
    const [name, filters] = this.query.split("?");
    const path = `/v1/queries/${name}/stream${filters === undefined ? "" : `?${filters}`}`;
    const response = await this.client.connect(shop, path);
    this.connected = response.status === 200;
    if (!this.connected) await sleep(20);
  }

  async read(pieces: number): Promise<void> {
    for (let i = 0; i < pieces && this.connected; i++) this.connected = await this.client.piece();
  }

  async cut(): Promise<void> {
    if (this.connected) await this.client.cut();
    this.connected = false;
  }
}

for (const [seed, workers] of seeds.flatMap((seed) => [1, 3].map((workers) => [seed, workers] as const)))
  test(
    workers === 1
      ? `[Q35] [Q41] what a reader has put together over cuts and restarts is what the query shows, SEED=${seed}`
      : `[Q47] so it is where several workers have the tasks, of whom one leaves now and then, SEED=${seed}`,
    { timeout: 120_000 },
    async () => {
      const pick = random(seed);
      folder = mkdtempSync(join(tmpdir(), "millrace-streams-"));
      const path = join(folder, "log.db");
      shop = await open(path, workers);
      let leavers = 0;
      const all: Position[] = [];
      let posted = 0;
      let now = 0;
      const orders = (count: number): PostedOrder[] =>
        Array.from({ length: count }, () => {
          now += pick(12) === 0 ? pick(90_000) : pick(3000);
          const late = pick(10) === 0 ? pick(20_000) : 0;
          const lines = Array.from({ length: 1 + pick(3) }, () => ({ sku: `s${pick(23)}`, units: 1 + pick(4), revenue: 1 + pick(500) }));
          posted += 1;
          return { id: `o${posted}`, customer: `c${pick(9)}`, timestamp: day + Math.max(0, now - late), lines };
        });
      followers.push(
        ...["sales-by-sku", "sales-per-minute", "top-per-minute", "sales-by-sku?sku=s1&sku=s7", "sales-by-sku?units=7&units=8&units=9"].map(
          (query) => new Follower(query),
        ),
      );
      for (let step = 0; step < 60; step++) {
        const what = pick(20);
        if (what < 9) {
          const positions = await shop.post(orders(1 + pick(30)));
          all.push(...positions);
          if (pick(2) === 0) await shop.shown(positions);
        } else if (what < 15) {
          const one = followers[pick(followers.length)]!;
          await one.connect();
          await one.read(1 + pick(4));
        } else if (what === 15 && leavers < workers - 1) {
          await shop.leave(++leavers);
        } else if (what < 18) await followers[pick(followers.length)]!.cut();
        else {
          // In good order, or with readers who hear nothing of it.
          if (what === 18) for (const one of followers) await one.cut();
          const drained = shop.streams.drain();
          for (const one of followers) while (one.connected) await one.read(1);
          await drained;
          await shop.close();
          shop = await open(path, workers);
          leavers = 0;
        }
      }
      await shop.shown(all);
      await shop.settled();
      for (const { query, client, ...one } of followers) {
        const follower = followers.find((other) => other.client === client)!;
        void one;
        const expected = await pulled(shop, query);
        const deadline = Date.now() + 20_000;
        while (JSON.stringify(client.shown()) !== JSON.stringify(expected)) {
          if (Date.now() > deadline) expect({ query, events: client.names().slice(-9), rows: client.shown() }).toEqual({ rows: expected });
          await follower.connect();
          await follower.read(1);
        }
        if (query !== "sales-per-minute") continue;
        const finals = await pulled(shop, query, { final: true });
        await client.until(() => JSON.stringify(client.shownFinal()) === JSON.stringify(finals));
      }
    },
  );
