import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { processors } from "#processors/registry.ts";
import { compileTopology } from "../compile-topology.ts";
import type { TopologyGraph } from "./graph.ts";

function graphOfText(text: string): TopologyGraph {
  const { compiled, problems } = compileTopology(text, { processors, partitions: 2 });
  expect(problems.filter(({ severity }) => severity === "error")).toEqual([]);
  return compiled!.graph;
}

test("[TV1] the graph has every part with its steps, stores and query, every topic by what it holds, and the hops between them", () => {
  const graph = graphOfText(`
topology: shop
nodes:
  received: { from: business.inventory.received, dedupe: { by: eventId, within: 24h }, where: data.warehouseId != null }
  by-warehouse:
    from: received
    key: data.warehouseId
    window: { tumbling: 1d, grace: 30s, retain: 7d }
    aggregate: { units: sum(data.quantity) }
    to: analytics.stock.by-warehouse
`);
  const received = "business.inventory.received";
  const repartition = "shop-by-warehouse-repartition";
  const result = "analytics.stock.by-warehouse";
  expect(graph).toEqual({
    topology: "shop",
    subTopologies: [
      { id: received, partitions: 2, reads: [received] },
      { id: "by-warehouse", partitions: 2, reads: [repartition] },
    ],
    nodes: [
      {
        id: "received",
        of: "received",
        subTopology: received,
        does: ["dedupe by eventId within 1d", "where data.warehouseId != null"],
        keeps: [{ store: "received.seen", kind: "window" }],
        writes: [],
        hops: 0,
      },
      {
        id: "by-warehouse.key",
        of: "by-warehouse",
        subTopology: received,
        does: ["key data.warehouseId"],
        keeps: [],
        writes: [repartition],
        hops: 0,
      },
      {
        id: "by-warehouse",
        of: "by-warehouse",
        subTopology: "by-warehouse",
        does: ["window 1d, grace 30s", "aggregate units"],
        keeps: [{ store: "by-warehouse.aggregate", kind: "window" }],
        writes: [result],
        query: "by-warehouse",
        hops: 1,
      },
    ],
    topics: [
      { name: result, partitions: 2, kind: "records" },
      { name: received, partitions: 2, kind: "events", eventType: "inventory.received", deadLetters: `${received}.dlq` },
      { name: repartition, partitions: 2, kind: "repartition", deadLetters: `${repartition}.dlq` },
    ],
    edges: [
      { from: `topic:${received}`, to: "node:received", hop: false },
      { from: "node:received", to: "node:by-warehouse.key", hop: false },
      { from: "node:by-warehouse.key", to: `topic:${repartition}`, hop: false },
      { from: `topic:${repartition}`, to: "node:by-warehouse", hop: true },
      { from: "node:by-warehouse", to: `topic:${result}`, hop: false },
    ],
    order: [`topic:${received}`, "node:received", "node:by-warehouse.key", `topic:${repartition}`, "node:by-warehouse", `topic:${result}`],
  });
});

test("[TV1] of the shipped topology every vertex stands once, behind all that lead to it, and every end of an edge is a vertex", () => {
  const graph = graphOfText(readFileSync(new URL("../commerce.yaml", import.meta.url), "utf8"));
  expect(graph.order.toSorted()).toEqual(
    [...graph.nodes.map(({ id }) => `node:${id}`), ...graph.topics.map(({ name }) => `topic:${name}`)].toSorted(),
  );
  const at = new Map(graph.order.map((ref, i) => [ref, i]));
  for (const { from, to } of graph.edges) expect([from, to, at.get(from)! < at.get(to)!]).toEqual([from, to, true]);
  // Several outputs and several inputs are told apart.
  expect(graph.edges.filter(({ from }) => from === "node:stock").map(({ output }) => output)).toEqual(
    expect.arrayContaining(["levels", "low", "reserved", "refused", "released"]),
  );
  expect(graph.edges.filter(({ to }) => to === "node:stock").map(({ port }) => port)).toEqual([
    "orders",
    "receipts",
    "adjustments",
    "cancellations",
  ]);
  expect(JSON.parse(JSON.stringify(graph))).toEqual(graph);
});

test("[TV1] settings of a processor are shown as the file writes them, and nothing of the environment", () => {
  const text = `
topology: shop
nodes:
  velocity: { use: fraud/velocity, from: business.payments.attempted, with: { limit: 3, within: "\${WITHIN}" }, to: business.fraud.alerts }
`;
  const { compiled } = compileTopology(text, { processors, environment: { WITHIN: "60m" } });
  expect(compiled!.graph.nodes.map(({ id, settings }) => [id, settings])).toEqual([["velocity", { limit: 3 }]]);
});

test("[TV1] nodes that lead to each other through topics are listed too", () => {
  const graph = graphOfText(`
topology: circle
topics:
  turns: { fields: { id: string, count: int }, key: id }
nodes:
  turn: { from: turns, where: count < 3, select: { id: id, count: count + 1 }, to: turns }
`);
  expect(graph.order.toSorted()).toEqual(["node:turn", "topic:turns"]);
  expect(graph.edges).toEqual([
    { from: "topic:turns", to: "node:turn", hop: true },
    { from: "node:turn", to: "topic:turns", hop: false },
  ]);
});

test("[TV1] a topic that sinks read names them, and has dead letters, also where no node reads it", () => {
  const { topics } = graphOfText(`
topology: shop
nodes:
  low: { from: business.inventory.low, select: { sku: data.sku }, to: analytics.low }
sinks:
  partner: { from: low, webhook: { url: https://partner.example/ } }
  cache: { from: low, redis: { url: "\${REDIS}" } }
`);
  expect(topics.find(({ name }) => name === "analytics.low")).toEqual({
    name: "analytics.low",
    partitions: 2,
    kind: "records",
    deadLetters: "analytics.low.dlq",
    sinks: [
      { name: "partner", kind: "webhook" },
      { name: "cache", kind: "redis" },
    ],
  });
});
