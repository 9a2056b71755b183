import { expect, test } from "vitest";
import { nodeId, runProcessor, type Arrival, type Departure } from "../testing/processor-run.ts";
import { stockLevel } from "./stock-level.ts";
import type { Stock } from "./stock.ts";

const config = { lowStockBelow: 5 };
const reserve = (units: number, orderId = "o1", sku = "A"): Arrival => ({
  port: "orders",
  key: sku,
  at: 1_000,
  value: { orderId, sku, units },
});
const cancel = (units: number, orderId = "c1", sku = "A"): Arrival => ({
  port: "cancellations",
  key: sku,
  at: 1_000,
  value: { orderId, sku, units },
});
const receive = (quantity: number, sku = "A"): Arrival => ({ port: "receipts", key: sku, at: 1_000, value: { data: { sku, quantity } } });
const adjust = (delta: number, sku = "A"): Arrival => ({ port: "adjustments", key: sku, at: 1_000, value: { data: { sku, delta } } });

const of = (departures: readonly Departure[], port: string): unknown[] =>
  departures.filter((departure) => departure.port === port).map(({ value }) => value);
const levelsOf = (departures: readonly Departure[]): number[] => of(departures, "levels").map((value) => (value as Stock).level);

test("[I1] the level is what came in less what was reserved, article by article", () => {
  const { departures, driver } = runProcessor(stockLevel, config, [
    receive(50),
    receive(20, "B"),
    reserve(8),
    adjust(-2),
    cancel(3),
    reserve(1, "o2", "B"),
  ]);
  expect(of(departures, "levels")).toEqual([
    { sku: "A", level: 50 },
    { sku: "B", level: 20 },
    { sku: "A", level: 42 },
    { sku: "A", level: 40 },
    { sku: "A", level: 43 },
    { sku: "B", level: 19 },
  ]);
  const [stock] = driver.keyValue<Stock>(nodeId, "stock");
  expect([...stock!.range()].map(([sku, { level }]) => [sku, level])).toEqual([
    ["A", 43],
    ["B", 19],
  ]);
});

test("[I2] a reservation above the level is refused with the level there was, and takes nothing", () => {
  const { departures } = runProcessor(stockLevel, config, [receive(5), reserve(6), reserve(5, "o2"), reserve(1, "o3")]);
  expect(of(departures, "refused")).toEqual([
    { sku: "A", orderId: "o1", quantity: 6, level: 5, reason: "out of stock" },
    { sku: "A", orderId: "o3", quantity: 1, level: 0, reason: "out of stock" },
  ]);
  expect(levelsOf(departures)).toEqual([5, 0]);
});

test("[I2] an article that nobody received has a level of 0", () => {
  const { departures, driver } = runProcessor(stockLevel, config, [reserve(1)]);
  expect(of(departures, "refused")).toHaveLength(1);
  expect(driver.keyValue<Stock>(nodeId, "stock")[0]!.get("A")).toEqual({ level: 0 });
});

test("[I3] adjustments lead below zero, where every reservation is refused until goods come in", () => {
  const { departures } = runProcessor(stockLevel, config, [adjust(-3), reserve(1), receive(4), reserve(1, "o2")]);
  expect(levelsOf(departures)).toEqual([-3, 1, 0]);
  expect(of(departures, "refused")).toMatchObject([{ orderId: "o1", level: -3 }]);
});

test("[I4] two lines of one order that name one article are two reservations", () => {
  const { departures } = runProcessor(stockLevel, config, [receive(10), reserve(6), reserve(6), reserve(4)]);
  expect(of(departures, "reserved")).toMatchObject([
    { quantity: 6, level: 4 },
    { quantity: 4, level: 0 },
  ]);
  expect(of(departures, "refused")).toMatchObject([{ quantity: 6, level: 4 }]);
});

test("[I5] low stock is told once per crossing, and again after it has risen to the threshold", () => {
  const steps = [receive(6), reserve(1), reserve(1), reserve(1), receive(1), receive(1), receive(1), adjust(-1), adjust(-9)];
  const { departures } = runProcessor(stockLevel, config, steps);
  expect(levelsOf(departures)).toEqual([6, 5, 4, 3, 4, 5, 6, 5, -4]);
  expect(of(departures, "low")).toEqual([
    { sku: "A", level: 4, threshold: 5 },
    { sku: "A", level: -4, threshold: 5 },
  ]);
});

test("[I5] an article that begins below the threshold, and a refusal there, cross nothing", () => {
  const { departures } = runProcessor(stockLevel, config, [receive(3), reserve(1), reserve(9)]);
  expect(of(departures, "low")).toEqual([]);
});

test("[I6] every movement says what became of it, under its article's key and with its own time", () => {
  const { departures, driver } = runProcessor(stockLevel, config, [
    { ...receive(9), at: 10 },
    { ...reserve(2), at: 20 },
    { ...reserve(8, "o2"), at: 30 },
    { ...cancel(2), at: 40 },
  ]);
  expect(departures.map(({ port, key, at }) => [port, key, at])).toEqual([
    ["levels", "A", 10],
    ["levels", "A", 20],
    ["reserved", "A", 20],
    ["refused", "A", 30],
    ["levels", "A", 40],
    ["released", "A", 40],
  ]);
  expect(of(departures, "released")).toEqual([{ sku: "A", orderId: "c1", quantity: 2, level: 9 }]);
  expect(driver.counts(nodeId)).toMatchObject({ in: 4, emitted: 4, folded: 0, deadLettered: 0, dropped: {} });
});

test("[I7] a movement of no units or fewer is dead-lettered and moves nothing, but an adjustment of fewer", () => {
  const { departures, driver } = runProcessor(stockLevel, config, [
    receive(9),
    reserve(0),
    reserve(-5),
    cancel(0),
    receive(-1),
    adjust(-1),
  ]);
  expect(levelsOf(departures)).toEqual([9, 8]);
  expect(of(departures, "orders.dlq")).toMatchObject([
    { "dlq.reason": "invalid-quantity", "dlq.detail": "a reservation of 0 units of A" },
    { "dlq.reason": "invalid-quantity", "dlq.detail": "a reservation of -5 units of A" },
  ]);
  expect(of(departures, "cancellations.dlq")).toHaveLength(1);
  expect(of(departures, "receipts.dlq")).toHaveLength(1);
  expect(driver.counts(nodeId)).toMatchObject({ in: 6, emitted: 2, deadLettered: 4 });
});

test("[I7] a level that no integer holds is dead-lettered", () => {
  const { departures } = runProcessor(stockLevel, config, [receive(Number.MAX_SAFE_INTEGER), cancel(1), reserve(1)]);
  expect(of(departures, "cancellations.dlq")).toMatchObject([{ "dlq.reason": "level-out-of-range" }]);
  expect(levelsOf(departures)).toEqual([Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER - 1]);
});
