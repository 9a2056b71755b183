import { afterEach, beforeEach, expect, test } from "vitest";
import { type EmbeddedBroker, openEmbeddedBroker } from "@millrace/engine";
import { eventRegistry } from "#schemas/event-registry.ts";
import { compileWith, partitionsForLog, partitionsOfNewLog, type Text } from "./compile-for-log.ts";

let broker: EmbeddedBroker;
beforeEach(() => {
  broker = openEmbeddedBroker({ path: ":memory:" });
});
afterEach(() => broker.close());

const bySku = "nodes:\n  by-sku:\n    from: business.products.viewed\n    key: data.sku\n    aggregate: { views: count() }\n";
const views: Text = { file: "views.yaml", text: `topology: views\n${bySku}` };
const viewsOf = (partitions: number): Text => ({
  file: "views.yaml",
  text: `topology: views\ntopics:\n  business.products.viewed: { partitions: ${partitions} }\n${bySku}`,
});

const retention = { kind: "forever" } as const;
const makeTopics = (numberOf: (bySchema: number) => number): Promise<void> =>
  broker.ensureTopics(eventRegistry.map(({ topic, partitions }) => ({ name: topic, partitions: numberOf(partitions), retention })));

test("[L22] a new log of one process has few partitions a topic, and the plan as many", () => {
  const number = partitionsForLog(broker, views);
  expect(number).toBe(partitionsOfNewLog);
  expect(new Set(compileWith(views, number)!.plan.topics.map(({ partitions }) => partitions))).toEqual(new Set([partitionsOfNewLog]));
});

test("[L22] a log that is there keeps its numbers: those of the schemas, or those it was made with", async () => {
  await makeTopics((bySchema) => bySchema);
  expect(partitionsForLog(broker, views)).toBeUndefined();
  await broker.close();
  broker = openEmbeddedBroker({ path: ":memory:" });
  await makeTopics(() => 3);
  expect(partitionsForLog(broker, views)).toBe(3);
});

test("[L22] what the file says of a topic stays", () => {
  const text = viewsOf(7);
  const { plan } = compileWith(text, partitionsForLog(broker, text))!;
  expect(plan.topics.find(({ name }) => name === "business.products.viewed")!.partitions).toBe(7);
});

test("[L22] a file whose own numbers fit those of the schemas alone gets those", () => {
  const text: Text = {
    file: "stock.yaml",
    text: `topology: stock
topics:
  business.inventory.received: { partitions: 12 }
nodes:
  lines: { from: business.orders.created, flatMap: { each: data.items, as: i, select: { orderId: data.orderId, sku: i.sku, units: i.quantity } }, key: sku }
  stock: { use: inventory/stock-level, from: { orders: lines, receipts: business.inventory.received, adjustments: business.inventory.adjusted }, with: { lowStockBelow: 1 }, to: { low: business.inventory.low } }
`,
  };
  expect(compileWith(text, partitionsOfNewLog)).toBeUndefined();
  expect(partitionsForLog(broker, text)).toBeUndefined();
  expect(compileWith(text, undefined)).toBeDefined();
});
