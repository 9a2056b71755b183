import {
  embeddedStateStorage,
  noHeaders,
  noWorkerEvents,
  openEmbeddedBroker,
  partitionOf,
  type Position,
  RecordBatchBuilder,
  Worker,
  type EmbeddedBroker,
} from "@millrace/engine";
import type { Hono } from "hono";
import { afterAll, beforeAll, expect, test } from "vitest";
import { processors } from "#processors/registry.ts";
import { encodeEvent } from "#schemas/event-codec.ts";
import { topicOf } from "#schemas/event-registry.ts";
import { randomEvent } from "#schemas/testing/random-event.ts";
import { seededRandom, testSeed } from "#schemas/testing/seeded-random.ts";
import { compileTopology } from "#topology/compile-topology.ts";
import type { QueryPlan } from "#topology/plan/query-plan.ts";
import { createAnswerer } from "./answer-query.ts";
import { catalogueOf } from "./catalogue.ts";
import { createQueries } from "./queries.ts";

const partitions = 3;
const days = 20;
const limit = 3;
const dayMs = 86_400_000;
const first = Date.UTC(2011, 3, 1);
const text = `
topology: ranked
nodes:
  by-day: { from: business.inventory.received, window: { tumbling: 1d, grace: 30s, retain: 400d }, aggregate: { units: sum(data.quantity) } }
  best-of-day: { from: by-day, key: [window_start, window_end], top: { by: [units desc], limit: ${limit} } }
  best-since: { from: by-day, key: window_start, top: { by: [units desc], limit: ${limit} } }
  best-to: { from: by-day, key: [window_end, window_start], top: { by: [units desc], limit: ${limit} } }
`;

type Row = { readonly window_start: string; readonly rank: number; readonly sku: string };

let broker: EmbeddedBroker;
let worker: Worker;
let app: Hono;
/** Entries of rankings that were read. */
let read = 0;

const counted = (query: QueryPlan): QueryPlan =>
  query.rank === undefined ? query : { ...query, rank: { ...query.rank, groupOf: (entry) => ((read += 1), query.rank!.groupOf(entry)) } };

beforeAll(async () => {
  const { plan, queries } = compileTopology(text, { processors, partitions }).compiled!;
  broker = openEmbeddedBroker({ path: ":memory:" });
  const storage = embeddedStateStorage(broker.database);
  worker = new Worker({ plan, broker, storage, member: "worker", clock: Date.now, events: noWorkerEvents, idleMs: 50 });
  await worker.start();
  const answerer = createAnswerer({ worker, plan, queries: queries.map(counted) });
  app = createQueries({ catalogue: catalogueOf(queries, plan), answerer });
  const random = seededRandom(testSeed());
  const positions: Position[] = [];
  for (let i = 0; i < days * 5; i++) {
    const [sku, timestamp] = [`sku-${i % 5}`, first + Math.floor(i / 5) * dayMs + 1000];
    const drawn = randomEvent(random, "inventory.received");
    const event = { ...drawn, eventId: `e${i}`, timestamp, data: { ...drawn.data, sku, quantity: 1 + ((i * 7) % 11) } };
    const partition = partitionOf(sku, partitions);
    const builder = new RecordBatchBuilder();
    builder.append({ timestamp, sequence: i + 1, key: sku, value: encodeEvent(event), headers: noHeaders });
    const [result] = await broker.append([{ topic: topicOf("inventory.received"), partition, kind: "records", ...builder.take()! }]);
    if (result?.kind === "appended") positions.push(result.at);
  }
  for (const { subTopology } of queries) await worker.after(subTopology, positions).done;
});
afterAll(async () => {
  await worker.stop();
  await broker.close();
});

async function rowsOf(name: string, asked: string): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (let path: string | undefined = `/v1/queries/${name}?${asked}`; path !== undefined;) {
    const response: Response = await app.request(path);
    expect(response.status).toBe(200);
    rows.push(...((await response.json()) as { readonly rows: Row[] }).rows);
    path = /<(.*)>/.exec(response.headers.get("link") ?? "")?.[1];
  }
  return rows;
}

const timeOf = (day: number): string => new Date(first + day * dayMs).toISOString();

test.each(["best-of-day", "best-since", "best-to"])(
  "[Q46] %s: a ranking bounded by time has the rows of the whole one, page by page too",
  async (name) => {
    const all = await rowsOf(name, "limit=10000");
    expect(all).toHaveLength(days * limit);
    for (const [from, to] of [
      [timeOf(3), timeOf(7)],
      [new Date(first + 3 * dayMs + 1).toISOString(), timeOf(days + 3)],
      ["1970-01-01T00:00:00Z", timeOf(1)],
      [timeOf(5), timeOf(5)],
      [timeOf(days), "9999-01-01T00:00:00Z"],
    ] as const) {
      const [least, end] = [new Date(from).toISOString(), new Date(to).toISOString()];
      const wanted = all.filter((row) => row.window_start >= least && row.window_start < end);
      for (const page of [10_000, 2]) expect(await rowsOf(name, `from=${from}&to=${to}&limit=${page}`)).toEqual(wanted);
    }
  },
);

test.each(["best-of-day", "best-since"])("[Q46] %s: no more is read of it than the windows within the bounds have", async (name) => {
  read = 0;
  await rowsOf(name, "limit=10000");
  expect(read).toBe(days * limit);
  read = 0;
  expect(await rowsOf(name, "from=-2d&limit=10000")).toHaveLength(2 * limit);
  // Bounded by the newest event, a second behind the start of its day.
  expect(read).toBe(2 * limit);
  read = 0;
  expect(await rowsOf(name, `from=${timeOf(4)}&to=${timeOf(6)}&limit=10000`)).toHaveLength(2 * limit);
  expect(read).toBe(2 * limit);
});
