import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Client } from "pg";
import { openEmbeddedBroker } from "@millrace/engine";
import { seededRandom } from "#schemas/testing/seeded-random.ts";
import { startPostgres } from "#sinks/proving/postgres-server.ts";
import { logRecords } from "../path/log-records.ts";
import { Server } from "../torture/server.ts";
import { until } from "../torture/until.ts";
import { OrderStream } from "./order-stream.ts";
import { Receiver } from "./receiver.ts";

export type SinksTorture = {
  readonly kills: number;
  /** Longest time that the server is left alone between two kills. */
  readonly apartMs: number;
  /** Orders a second. */
  readonly rate: number;
  readonly seed: number;
  readonly say: (line: string) => void;
};

export type SinksReport = { readonly broken: readonly string[]; readonly lines: readonly string[]; readonly data: string };

const topic = "analytics.sales.by-sku";
const table = "sales_by_sku";
const topology = `topology: tortured-sinks
nodes:
  orders: { from: business.orders.created, dedupe: { by: eventId, within: 24h } }
  lines:
    from: orders
    flatMap: { each: data.items, as: item, select: { sku: item.sku, units: item.quantity, revenue: item.quantity * item.unitPrice } }
    key: sku
  sales-by-sku:
    from: lines
    aggregate: { units: sum(units), revenue: sum(revenue) }
    to: ${topic}
sinks:
  warehouse:
    from: sales-by-sku
    postgres: { url: "\${DATABASE_URL}", table: ${table}, key: sku }
  partner:
    from: sales-by-sku
    webhook: { url: "\${PARTNER_URL}", secret: "\${PARTNER_SECRET}", body: { sku: sku, units: units, revenue: revenue } }
`;
const readyMs = 120_000;
const settledMs = 180_000;
const longestStartMs = 3000;

/**
 * A server under load whose sinks lead to PostgreSQL and to a receiver of webhooks, killed at random moments, then left to finish. In the end the query, the table
 * and what the receiver has must be what was posted, and every record of the sinks' topic must have reached the receiver.
 */
export async function tortureSinks({ kills, apartMs, rate, seed, say }: SinksTorture): Promise<SinksReport> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-torture-sinks-"));
  const file = join(folder, "sinks.yaml");
  writeFileSync(file, topology);
  const random = seededRandom(seed);
  const begun = performance.now();
  const at = (): string => `${((performance.now() - begun) / 1000).toFixed(1).padStart(6)} s`;
  const [postgres, receiver] = await Promise.all([startPostgres(), Receiver.start()]);
  const env = { DATABASE_URL: postgres.url, PARTNER_URL: receiver.url, PARTNER_SECRET: "torture".repeat(5) };
  const data = join(folder, "data");
  const server = new Server({ data, duplicates: "mixed", deadlineMs: readyMs, topology: file, env });
  const database = new Client({ connectionString: postgres.url });
  let orders: OrderStream | undefined;
  let starting = 0;
  try {
    await database.connect();
    await server.start();
    orders = new OrderStream(() => server.url, { random: seededRandom(seed + 1), perSecond: rate });
    for (let killed = 0; killed < kills; killed++) {
      await delay(random.next() * apartMs);
      if (!server.running) throw new Error(`the server ended by itself:\n${server.said}`);
      await server.kill();
      say(`${at()} kill ${killed + 1}: ${orders.sent} orders accepted, the receiver has ${(await receiver.taken()).ids.length} records`);
      if (killed + 1 < kills && random.chance(0.3)) {
        // Coming back is work too, and can be cut off anywhere.
        const start = server.start().catch(() => undefined);
        await delay(random.next() * longestStartMs);
        await server.kill();
        await start;
        killed += 1;
        starting += 1;
        say(`${at()} kill ${killed + 1}: while it started`);
      }
      await server.start();
    }
    await orders.stop();
    say(`${at()} all ${orders.sent} orders are accepted; the rest is delivered`);
    const wanted = orders.rows;
    const broken: string[] = [];
    const compare = async (what: string, rows: () => Promise<readonly string[]>): Promise<void> => {
      const first = await untilEqual(rows, wanted);
      if (first !== undefined) broken.push(`${what}: ${first}`);
      else say(`${at()} ${what} equals what was posted: ${wanted.length} rows`);
    };
    await compare("the query", () => queryRows(server.url));
    await compare("the table in PostgreSQL", () => tableRows(database));
    await compare("what the webhook's receiver has", async () => (await receiver.taken()).rows);
    if (!(await server.stop())) broken.push("the server did not say that all is committed");
    const { ids, repeated, disordered } = await receiver.taken();
    const written = await idsOnLog(data);
    const known = new Set(ids.map((id) => id.slice(id.indexOf("/") + 1)));
    const lost = written.records.filter((id) => !known.has(id));
    if (lost.length > 0) broken.push(`${lost.length} of ${written.records.length} records never reached the receiver, as ${lost[0]}`);
    if (known.size > written.records.length) broken.push(`the receiver has ${known.size} records, and the log ${written.records.length}`);
    if (disordered > 0) broken.push(`${disordered} records reached the receiver behind a newer one of their article`);
    if (written.letters > 0) broken.push(`${written.letters} records are in the dead letters`);
    const lines = [
      `${kills} SIGKILLs of millrace dev, ${starting} of them while it started; ${orders.sent} orders posted, ${orders.again} requests made again`,
      `${written.records.length} records left by each sink: lost ${lost.length}, out of order ${disordered}, dead letters ${written.letters}`,
      `the receiver took ${ids.length} idempotency keys, ${repeated} posts came again and had no effect`,
      `${at().trim()} in all`,
    ];
    if (broken.length === 0) rmSync(folder, { recursive: true, force: true });
    return { broken, lines, data: folder };
  } finally {
    await orders?.stop().catch(() => undefined);
    await server.kill();
    await database.end().catch(() => undefined);
    receiver.stop();
    await postgres.stop();
  }
}

/** Undefined once they are; else the first difference that is left at the deadline. */
async function untilEqual(rows: () => Promise<readonly string[]>, wanted: readonly string[]): Promise<string | undefined> {
  let found: readonly string[] = [];
  try {
    await until(
      async () => {
        found = await rows();
        return found.length === wanted.length && found.every((row, i) => row === wanted[i]) ? true : undefined;
      },
      settledMs,
      () => "not equal",
    );
    return undefined;
  } catch {
    const i = wanted.findIndex((row, n) => row !== found[n]);
    return `${found.length} rows of ${wanted.length}; row ${i} is ${found[i]} instead of ${wanted[i]}`;
  }
}

async function queryRows(url: string): Promise<readonly string[]> {
  const response = await fetch(`${url}/v1/queries/sales-by-sku?format=csv`);
  return (await response.text()).trim().split("\r\n").slice(1).toSorted();
}

async function tableRows(database: Client): Promise<readonly string[]> {
  const { rows } = await database.query<{ row: string }>(`SELECT concat_ws(',', sku, units, revenue) AS row FROM ${table}`);
  return rows.map(({ row }) => row).toSorted();
}

/** `topic/partition/offset` of all that the sinks had to take, and how many records are in their dead letters. */
async function idsOnLog(data: string): Promise<{ readonly records: readonly string[]; readonly letters: number }> {
  const broker = openEmbeddedBroker({ path: join(data, "log.db") });
  try {
    const records: string[] = [];
    for await (const record of logRecords(broker, new Map([[topic, broker.partitionsOf(topic)]])))
      records.push(`${topic}/${record.partition}/${record.offset}`);
    const letterTopic = `${topic}.dlq`;
    let letters = 0;
    for await (const _ of logRecords(broker, new Map([[letterTopic, broker.partitionsOf(letterTopic)]]))) letters += 1;
    return { records, letters };
  } finally {
    await broker.close();
  }
}
