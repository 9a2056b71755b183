import { MessageChannel } from "node:worker_threads";
import {
  defineProcessor,
  embeddedStateStorage,
  flatMapValue,
  LetterDesk,
  noHeaders,
  noWorkerEvents,
  openEmbeddedBroker,
  RecordBatchBuilder,
  RecordError,
  Worker,
} from "@millrace/engine";
import type { Hono } from "hono";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { eventInput, eventOutput } from "#processors/commerce-port.ts";
import { encodeEvent } from "#schemas/event-codec.ts";
import type { EventDraft } from "#schemas/shop-event.ts";
import { compileTopology } from "#topology/compile-topology.ts";
import type { DeadLettersFound } from "./dead-letters.ts";
import { connectInspector, serveInspector } from "./inspector.ts";
import { createTopologyRoutes } from "./topology-routes.ts";
import type { TopologyState } from "./topology-state.ts";

const source = "business.inventory.received";

const picky = defineProcessor({
  name: "test/picky",
  summary: "Throws at goods that it does not like.",
  config: { parse: () => ({}) },
  inputs: { in: eventInput("inventory.received", { key: "sku", reads: ["sku"] }) },
  outputs: { nothing: eventOutput("system.error") },
  stores: () => ({}),
  run: ({ in: goods }) => ({
    nothing: goods.pipe(
      flatMapValue(({ data: { sku } }) => {
        if (sku === "disliked") throw new RecordError("disliked", `${sku} is not liked here`);
        return [];
      }),
    ),
  }),
});

const text = `
topology: shop
nodes:
  goods: { from: ${source}, require: { that: data.quantity > 1, reason: too-few } }
  tried: { use: test/picky, from: goods }
  by-warehouse: { from: goods, where: data.warehouseId != null, key: data.warehouseId, aggregate: { units: sum(data.quantity) } }
`;

const { compiled } = compileTopology(text, { processors: [picky], partitions: 2 });
const broker = openEmbeddedBroker({ path: ":memory:" });
const ports = new MessageChannel();
const errors: unknown[] = [];
let worker: Worker;
let app: Hono;
let letIn = true;
let snapshots = 0;

beforeAll(async () => {
  const { plan, graph } = compiled!;
  await broker.ensureTopics(plan.topics);
  worker = new Worker({
    plan,
    broker,
    storage: embeddedStateStorage(broker.database),
    member: "test",
    clock: Date.now,
    commitMs: 1,
    idleMs: 60_000,
    events: noWorkerEvents,
  });
  await worker.start();
  const watched = { snapshot: () => (snapshots++, worker.snapshot()) };
  const desk = new LetterDesk({ broker, plan, clock: Date.now });
  serveInspector({ worker: watched, broker, desk, nowMs: () => 1_700_000_000_000 }, ports.port1);
  app = createTopologyRoutes({
    graph,
    inspector: connectInspector(ports.port2),
    guard: async (c, next) => (letIn ? next() : c.text("no", 401)),
    onError: (error) => errors.push(error),
  });
  await append([{ value: Buffer.from([0, 0, 0, 0, 9, 200, 65]) }]);
  await append([
    { value: encodeEvent(receipt("liked", 5)) },
    { value: encodeEvent(receipt("liked", 1)) },
    { value: encodeEvent(receipt("disliked", 7)) },
    { value: encodeEvent(receipt("liked", 8)) },
  ]);
  await vi.waitFor(async () => expect((await state()).nodes["by-warehouse"]?.in).toBe(2), { timeout: 10_000, interval: 20 });
});
afterAll(async () => {
  await worker.stop();
  await broker.close();
});

function receipt(sku: string, quantity: number): EventDraft<"inventory.received"> {
  return {
    eventId: `e-${sku}-${quantity}`,
    eventType: "inventory.received",
    eventVersion: "1.0.0",
    timestamp: 1_600_000_000_000,
    source: "test",
    correlationId: "c1",
    data: { sku, quantity, warehouseId: "w1" },
  };
}

async function append(records: readonly { readonly value: Uint8Array }[]): Promise<void> {
  const builder = new RecordBatchBuilder();
  for (const { value } of records) builder.append({ timestamp: 1_600_000_000_000, sequence: 0, key: "k", value, headers: noHeaders });
  await broker.append([{ topic: source, partition: 1, kind: "records", ...builder.take()! }]);
}

const state = async (): Promise<TopologyState> => (await (await app.request("/v1/topology/state")).json()) as TopologyState;
const letters = async (query: string): Promise<DeadLettersFound> =>
  (await (await app.request(`/v1/dead-letters?${query}`)).json()) as DeadLettersFound;

test("[TV2] the plan is answered whole, with an etag that answers 304", async () => {
  const response = await app.request("/v1/topology");
  expect(await response.json()).toEqual(compiled!.graph);
  const etag = response.headers.get("etag")!;
  for (const sent of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
    const again = await app.request("/v1/topology", { headers: { "if-none-match": sent } });
    expect([sent, again.status, await again.text()]).toEqual([sent, 304, ""]);
  }
  expect((await app.request("/v1/topology", { headers: { "if-none-match": '"other"' } })).status).toBe(200);
  expect((await app.request("/v1/topology", { method: "POST" })).status).toBe(405);
});

test("[TV3] the state has every node's counts, what each sub-topology is behind by, and what was found out before any node", async () => {
  const { at, of, nodes, inputs, subTopologies } = await state();
  expect({ at, of }).toEqual({ at: "2023-11-14T22:13:20.000Z", of: "process" });
  expect(Object.keys(nodes).toSorted()).toEqual(["by-warehouse", "by-warehouse.key", "goods", "tried"]);
  expect(nodes["goods"]).toMatchObject({ in: 3, emitted: 2, deadLettered: 1, takenOut: 0 });
  expect(nodes["tried"]).toMatchObject({ in: 2, deadLettered: 0, takenOut: 1 });
  expect(nodes["by-warehouse"]).toMatchObject({ in: 2, deadLettered: 0, takenOut: 0 });
  expect(inputs).toEqual([
    { subTopology: source, topic: source, partitions: 2, records: 0, ms: 0, deadLettered: 1 },
    { subTopology: "by-warehouse", topic: "shop-by-warehouse-repartition", partitions: 2, records: 0, ms: 0, deadLettered: 0 },
  ]);
  expect(subTopologies.find(({ id }) => id === source)).toEqual({
    id: source,
    tasks: 2,
    stopped: [],
    streamTime: "2020-09-13T12:26:40.000Z",
    watermarkLagMs: 0,
  });
});

test("[TV3] all who ask within a moment cost the engine one look", async () => {
  await expect.poll(async () => (await state()).nodes["goods"]?.in).toBe(3);
  const before = snapshots;
  await Promise.all(Array.from({ length: 50 }, state));
  expect(snapshots - before).toBeLessThanOrEqual(2);
});

test("[TV4] the letters of a node, of a topic, and of all, the newest first, are for those who are let in", async () => {
  const ofGoods = await letters("node=goods");
  expect(ofGoods).toMatchObject({ node: "goods", complete: true });
  expect(ofGoods.letters).toMatchObject([{ reason: "too-few", node: "goods", place: `${source}[1]@2`, key: "k" }]);
  expect((await letters("node=tried")).letters).toMatchObject([
    { reason: "disliked", node: "tried", detail: "disliked is not liked here" },
  ]);
  expect((await letters("node=by-warehouse")).letters).toEqual([]);
  const ofTopic = await letters(`topic=${source}`);
  expect(ofTopic.letters.map(({ reason }) => reason)).toEqual(["disliked", "too-few", "undecodable"]);
  expect(ofTopic.letters.at(-1)).toMatchObject({
    node: `source/${source}`,
    value: { length: 7, base64: Buffer.from([0, 0, 0, 0, 9, 200, 65]).toString("base64"), text: null },
  });
  expect((await letters("limit=2")).letters).toHaveLength(2);
  const response = await app.request("/v1/dead-letters");
  expect(response.headers.get("cache-control")).toBe("no-store");
  letIn = false;
  expect((await app.request("/v1/dead-letters?node=goods")).status).toBe(401);
  expect((await app.request("/v1/topology/state")).status).toBe(200);
  letIn = true;
});

test("[TV4] what cannot be asked is refused with what would be right", async () => {
  for (const [query, status, slug, hint] of [
    ["node=good", 404, "unknown-node", 'did you mean "goods"?'],
    ["topic=business.inventory.recieved", 404, "unknown-topic", `did you mean "${source}"?`],
    ["topic=shop", 404, "unknown-topic", "there is no topic"],
    ["limit=0", 400, "invalid-parameter", "from 1 to 100"],
    ["limit=101", 400, "invalid-parameter", "from 1 to 100"],
    ["limit=ten", 400, "invalid-parameter", "from 1 to 100"],
    ["node=goods&node=tried", 400, "invalid-parameter", '"node" is given twice'],
    ["state=shut", 400, "invalid-parameter", "open, settled, all"],
    ["from=yesterday", 400, "invalid-parameter", "a span before now"],
    ["nodes=goods", 400, "unknown-filter", '"nodes"'],
  ] as const) {
    const response = await app.request(`/v1/dead-letters?${query}`);
    const body = (await response.json()) as { type: string; detail: string };
    expect([query, response.status, body.type]).toEqual([query, status, `/problems/queries/${slug}`]);
    expect(body.detail).toContain(hint);
    expect(response.headers.get("cache-control")).toBe("no-store");
  }
});

test("[TV3] when the engine is gone it says so, and asks to come again", async () => {
  const { port1, port2 } = new MessageChannel();
  const alone = createTopologyRoutes({
    graph: compiled!.graph,
    inspector: connectInspector(port2),
    guard: async (_, next) => next(),
    answerTimeoutMs: 50,
  });
  for (const path of ["/v1/topology/state", "/v1/dead-letters"]) {
    const late = await alone.request(path);
    expect([late.status, late.headers.get("retry-after")]).toEqual([503, "1"]);
  }
  port1.close();
  const gone = async (): Promise<string> => ((await (await alone.request("/v1/dead-letters")).json()) as { detail: string }).detail;
  await expect.poll(gone).toBe("the engine has stopped");
  expect((await alone.request("/v1/topology")).status).toBe(200);
  expect(errors).toEqual([]);
});
