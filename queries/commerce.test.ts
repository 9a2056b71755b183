import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  embeddedStateStorage,
  noHeaders,
  noWorkerEvents,
  openEmbeddedBroker,
  partitionOf,
  RecordBatchBuilder,
  Worker,
  type EmbeddedBroker,
  type Position,
} from "@millrace/engine";
import type { Hono } from "hono";
import { processors } from "#processors/registry.ts";
import { encodeEvent } from "#schemas/event-codec.ts";
import { keyOf } from "#schemas/event-key.ts";
import { topicOf } from "#schemas/event-registry.ts";
import { randomEvent } from "#schemas/testing/random-event.ts";
import { seededRandom, testSeed } from "#schemas/testing/seeded-random.ts";
import { compileTopology } from "#topology/compile-topology.ts";
import { createAnswerer } from "./answer-query.ts";
import { catalogueOf } from "./catalogue.ts";
import { createQueries } from "./queries.ts";

const partitions = 4;
const seed = testSeed();
const eventTypes = ["order.created", "order.cancelled", "inventory.received", "inventory.adjusted", "payment.attempted"] as const;

describe(`the commerce topology (SEED=${seed})`, () => {
  let broker: EmbeddedBroker;
  let worker: Worker;
  let app: Hono;
  let names: readonly string[];

  beforeAll(async () => {
    const text = readFileSync(new URL("../topology/commerce.yaml", import.meta.url), "utf8");
    const { compiled } = compileTopology(text, { processors, partitions });
    const { plan, queries } = compiled!;
    broker = openEmbeddedBroker({ path: ":memory:" });
    worker = new Worker({
      plan,
      broker,
      storage: embeddedStateStorage(broker.database),
      member: "worker",
      clock: Date.now,
      events: noWorkerEvents,
      idleMs: 50,
    });
    await worker.start();
    names = queries.map(({ name }) => name);
    app = createQueries({ catalogue: catalogueOf(queries, plan), answerer: createAnswerer({ worker, plan, queries }) });
    const random = seededRandom(seed);
    const positions: Position[] = [];
    for (let i = 0; i < 200; i++) {
      const event = { ...randomEvent(random, eventTypes[i % eventTypes.length]!), timestamp: Date.UTC(2011, 3, 1) + i * 20_000 };
      const key = keyOf(event)!;
      const partition = partitionOf(key, partitions);
      const builder = new RecordBatchBuilder();
      builder.append({ timestamp: event.timestamp, sequence: i + 1, key, value: encodeEvent(event), headers: noHeaders });
      const [result] = await broker.append([{ topic: topicOf(event.eventType), partition, kind: "records", ...builder.take()! }]);
      if (result?.kind === "appended") positions.push(result.at);
    }
    for (const { subTopology } of queries) await worker.after(subTopology, positions).done;
  });
  afterAll(async () => {
    await worker.stop();
    await broker.close();
  });

  type Row = Readonly<Record<string, unknown>>;
  const rowsOf = async (name: string, filters: readonly (readonly [string, unknown])[] = []): Promise<readonly Row[]> => {
    const asked = new URLSearchParams([["format", "ndjson"], ...filters.map(([column, text]): [string, string] => [column, String(text)])]);
    const response = await app.request(`/v1/queries/${name}?${asked.toString()}`);
    expect(response.status).toBe(200);
    const text = await response.text();
    return text === ""
      ? []
      : text
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line) as Row);
  };

  test("[Q26] every query of the file answers rows with exactly the columns of its catalogue, in their order", async () => {
    const { queries } = (await (await app.request("/v1/queries")).json()) as {
      queries: readonly { name: string; columns: readonly { name: string }[] }[];
    };
    expect(queries.map(({ name }) => name)).toEqual(names);
    let rows = 0;
    for (const { name, columns } of queries) {
      for (const row of await rowsOf(name)) {
        rows += 1;
        expect(Object.keys(row)).toEqual(columns.map((column) => column.name));
      }
    }
    expect(rows).toBeGreaterThan(100);
  });

  test("[Q27] rows got by their key are those found by reading the store through", async () => {
    const { queries } = (await (await app.request("/v1/queries")).json()) as {
      queries: readonly { name: string; key: readonly string[] }[];
    };
    let compared = 0;
    for (const { name, key } of queries) {
      if (key.length === 0) continue;
      const all = await rowsOf(name);
      for (const row of all.slice(0, 40)) {
        const same = all.filter((other) => key.every((column) => other[column] === row[column]));
        expect(
          await rowsOf(
            name,
            key.map((column) => [column, row[column]] as const),
          ),
        ).toEqual(same);
        compared += 1;
      }
    }
    expect(compared).toBeGreaterThan(50);
  });
});
