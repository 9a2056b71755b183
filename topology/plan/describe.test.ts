import { expect, test } from "vitest";
import { compileTopology } from "../compile-topology.ts";

test("[Y17] the description says what runs together, what it reads, keeps and writes, and the hops on every path", () => {
  const text = `
topology: shop
nodes:
  received: { from: business.inventory.received, dedupe: { by: eventId, within: 24h }, where: data.warehouseId != null }
  by-warehouse:
    from: received
    key: data.warehouseId
    window: { tumbling: 1d, grace: 30s, retain: 7d }
    aggregate: { units: sum(data.quantity) }
    to: analytics.stock.by-warehouse
`;
  const { compiled } = compileTopology(text, { processors: [], partitions: 2 });
  expect(compiled?.description).toBe(`topology shop: 2 sub-topologies, 3 nodes, 5 topics, 1 queries

sub-topology business.inventory.received, 2 partitions
  reads business.inventory.received
  received ← business.inventory.received
    dedupe by eventId within 1d
    where data.warehouseId != null
    keeps received.seen (window)
  by-warehouse.key ← received
    key data.warehouseId
    writes shop-by-warehouse-repartition

sub-topology by-warehouse, 2 partitions
  reads shop-by-warehouse-repartition
  by-warehouse ← shop-by-warehouse-repartition
    window 1d, grace 30s
    aggregate units
    keeps by-warehouse.aggregate (window)
    writes analytics.stock.by-warehouse

topics
  analytics.stock.by-warehouse, 2 partitions, kept 7d
  business.inventory.received, 2 partitions, kept 7d
  business.inventory.received.dlq, 2 partitions, kept 30d
  shop-by-warehouse-repartition, 2 partitions, kept until read
  shop-by-warehouse-repartition.dlq, 2 partitions, kept 30d

queries
  by-warehouse: warehouseId, window_start, window_end, units

hops: a hop is a commit; at most 2 on a critical path
  received: 0
  by-warehouse: 1
`);
});

test("[Y7] what a node with `key` and `to` regroups is written once, unless another node reads it too", () => {
  const topicsOf = (more: string): readonly string[] => {
    const { compiled, problems } = compileTopology(
      `
topology: shop
nodes:
  by-warehouse: { from: business.inventory.received, key: data.warehouseId, where: data.warehouseId != null, to: analytics.stock.received }
${more}`,
      { processors: [], partitions: 2 },
    );
    expect(problems.filter(({ severity }) => severity !== "info")).toEqual([]);
    return compiled!.plan.topics.map(({ name }) => name).filter((name) => name.startsWith("shop-"));
  };
  expect(topicsOf("")).toEqual([]);
  expect(topicsOf("  units: { from: by-warehouse, aggregate: { units: sum(data.quantity) } }")).toEqual([
    "shop-by-warehouse-repartition",
    "shop-by-warehouse-repartition.dlq",
  ]);
});
