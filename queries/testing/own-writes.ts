import { setTimeout as delay } from "node:timers/promises";
import { MessageChannel } from "node:worker_threads";
import { formatToken, type EmbeddedBroker, type WorkerOptions } from "@millrace/engine";
import { seededRandom } from "#schemas/testing/seeded-random.ts";
import { catalogueOf } from "../catalogue.ts";
import { connectQueries, serveQueries } from "../port.ts";
import { createQueries } from "../queries.ts";
import { minuteMs, shopPlan, shopQueries } from "./shop-plan.ts";
import { openTestShop } from "./test-shop.ts";

export type OwnWritesReport = {
  readonly tries: number;
  /** Answers that did not show the event that was waited for: must be none. */
  readonly missed: readonly string[];
  /** Answers other than 200: the event did not come through in time. */
  readonly late: readonly string[];
};

const partitions = 4;
const atOnce = 20;
const longestDelayMs = 12;
const firstMinute = Date.UTC(2011, 3, 1);

/**
 * Posts orders while commits are delayed at random, asks at once for the minute of each with its own token, behind two repartitions, and looks
 * whether the answer shows the order. Questions go over a message port, as they do in production.
 */
export async function tryOwnWrites(tries: number, seed: number, workers = 1): Promise<OwnWritesReport> {
  const random = seededRandom(seed);
  const shop = await openTestShop({ partitions, workers, wrap: (broker) => delayed(broker, () => random.between(0, longestDelayMs)) });
  const { port1, port2 } = new MessageChannel();
  serveQueries(shop.answerer, port1);
  const connection = connectQueries(port2);
  const app = createQueries({ catalogue: catalogueOf(shopQueries, shopPlan(partitions)), answerer: connection });
  const missed: string[] = [];
  const late: string[] = [];
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < tries) {
      const i = next++;
      const id = `o${i}`;
      // About a hundred orders a minute of event time: neighbours meet in one window, and none is late.
      const timestamp = firstMinute + i * 600;
      const lines = Array.from({ length: random.between(1, 3) }, () => ({ sku: `s${random.between(0, 200)}`, units: 1, revenue: 10_000 }));
      const [at] = await shop.post([{ id, customer: `c${random.between(0, 500)}`, timestamp, lines }]);
      const start = new Date(timestamp - (timestamp % minuteMs)).toISOString();
      const path = `/v1/queries/orders-per-minute?after=${formatToken(at!)}&window_start=${start}`;
      const response = await app.request(path, { headers: { Prefer: "wait=60" } });
      if (response.status !== 200) late.push(`${id}: ${response.status} ${await response.text()}`);
      else {
        const { rows } = (await response.json()) as { rows: readonly { orders: readonly string[] }[] };
        if (!rows.some(({ orders }) => orders.includes(id))) missed.push(`${id}: not in ${JSON.stringify(rows).slice(0, 200)}`);
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: atOnce }, client));
    return { tries, missed, late };
  } finally {
    connection.close();
    await shop.close();
  }
}

/** The same log, but each commit waits before it is made, and again before its answer comes back. */
function delayed(broker: EmbeddedBroker, delayMs: () => number): WorkerOptions["broker"] {
  return {
    ensureTopics: (specs) => broker.ensureTopics(specs),
    append: (batches) => broker.append(batches),
    join: (group, hooks) => broker.join(group, hooks),
    fetch: (positions, limits) => broker.fetch(positions, limits),
    committed: (group, tasks) => broker.committed(group, tasks),
    async commit(commit) {
      await delay(delayMs());
      const result = await broker.commit(commit);
      await delay(delayMs());
      return result;
    },
    close: () => broker.close(),
  };
}
