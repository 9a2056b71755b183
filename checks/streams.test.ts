import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { pulled, StreamClient } from "#queries/testing/stream-client.ts";
import { Server } from "./torture/server.ts";
import { until } from "./torture/until.ts";

const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 1e9));
const data = mkdtempSync(join(tmpdir(), "millrace-streams-"));
const server = new Server({ data, duplicates: "on", deadlineMs: 60_000 });
afterAll(async () => {
  await server.kill();
  rmSync(data, { recursive: true, force: true });
});

/** Park-Miller: small, seeded, good enough for inputs. */
function random(from: number): (below: number) => number {
  let state = (from % 2_147_483_646) + 1;
  return (below) => (state = (state * 48_271) % 2_147_483_647) % below;
}

const get = (path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> => fetch(`${server.url}${path}`, { headers });

class Refused extends Error {}

/** Posts an order until it is accepted, whoever is killed meanwhile. */
async function post(n: number, pick: (below: number) => number): Promise<string> {
  const amount = { amount: "2.50", currency: "GBP" };
  const items = Array.from({ length: 1 + pick(4) }, () => ({ sku: `s${pick(30)}`, quantity: 1 + pick(5), unitPrice: amount }));
  const order = {
    orderId: `o${n}`,
    customerId: `c${pick(20)}`,
    items,
    total: amount,
    shippingAddress: { country: "France" },
    paymentMethod: { type: "card", cardId: `card${pick(9)}` },
  };
  const body = JSON.stringify({ eventId: `event-${n}`, eventType: "order.created", data: order });
  while (true) {
    try {
      const answer = await fetch(`${server.url}/v1/events`, { method: "POST", body, headers: { "Content-Type": "application/json" } });
      const { results } = (await answer.json()) as { results?: readonly { status: string; token?: string }[] };
      const [result] = results ?? [];
      if (result?.status === "accepted") return result.token!;
      if (result?.status === "duplicate") return "";
      if (answer.status < 500 && result?.status !== "retry") throw new Refused(JSON.stringify(result));
    } catch (error) {
      if (error instanceof Refused) throw error;
      // It is not there now.
    }
    await sleep(20);
  }
}

/** Follows a query until it is told to stop, coming back as browsers do. */
class Follower {
  readonly client = new StreamClient();
  readonly query: string;
  stopped = false;
  readonly done: Promise<void>;

  constructor(query: string) {
    this.query = query;
    this.done = this.follow();
  }

  private async follow(): Promise<void> {
    while (!this.stopped) {
      try {
        if ((await this.client.connect({ get }, `/v1/queries/${this.query}/stream`)).status === 200)
          while (!this.stopped && (await this.client.piece()));
      } catch {
        // Killed in the midst of it.
      }
      await sleep(50);
    }
    await this.client.cut().catch(() => undefined);
  }
}

test(
  `[Q35] [Q41] readers of millrace dev that is killed again and again put together what the queries show, SEED=${seed}`,
  { timeout: 120_000 },
  async () => {
    const pick = random(seed);
    await server.start();
    const queries = ["sales-by-sku", "sales-per-minute", "orders-per-minute", "top-products-by-day", "stock-levels"];
    const followers = queries.map((query) => new Follower(query));
    let posted = 0;
    let token = "";
    for (let round = 0; round < 4; round++) {
      let posting = true;
      const poster = (async () => {
        while (posting) token = (await post(posted++, pick)) || token;
      })();
      await sleep(500 + pick(1500));
      await (round === 2 ? server.stop() : server.kill());
      await server.start();
      await sleep(300 + pick(500));
      posting = false;
      await poster;
    }
    expect(posted).toBeGreaterThan(20);
    token = (await post(posted++, pick)) || token;
    await fetch(`${server.url}/v1/queries/orders-per-minute?after=${token}`, { headers: { Prefer: "wait=30" } });
    await fetch(`${server.url}/v1/queries/sales-per-minute?after=${token}`, { headers: { Prefer: "wait=30" } });
    for (const { client, query } of followers) {
      await until(
        async () => (JSON.stringify(client.shown()) === JSON.stringify(await pulled({ get }, query)) ? true : undefined),
        30_000,
        () => `${query}: ${client.names().slice(-20).join(" ")}`,
      );
      expect(client.rows.size, query).toBeGreaterThan(query === "stock-levels" ? -1 : 0);
    }
    for (const one of followers) one.stopped = true;
    await Promise.all(followers.map(({ done }) => done));
  },
);
