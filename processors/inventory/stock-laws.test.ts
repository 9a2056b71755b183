import { expect, test } from "vitest";
import { seededRandom, testSeed, type SeededRandom } from "#schemas/testing/seeded-random.ts";
import { nodeId, runProcessor, type Arrival } from "../testing/processor-run.ts";
import { stockLevel } from "./stock-level.ts";
import type { Stock } from "./stock.ts";

const skus = ["A", "B", "C"];
const threshold = 10;

type Said = { readonly sku: string; readonly level: number; readonly quantity?: number };

test("[I1] [I2] [I3] [I5] the laws of stock hold for whatever comes, and a plain loop says the same", () => {
  const seed = testSeed();
  for (let run = 0; run < 3; run++) {
    const random = seededRandom(seed + run);
    const arrivals = [...skus.map((sku) => receipt(sku, 50)), ...Array.from({ length: 120 }, () => randomArrival(random))];
    const { departures, driver } = runProcessor(stockLevel, { lowStockBelow: threshold }, arrivals);
    const said = Map.groupBy(departures, ({ port }) => port);
    const values = (port: string): Said[] => (said.get(port) ?? []).map(({ value }) => value as Said);
    const stock = driver.keyValue<Stock>(nodeId, "stock")[0]!;
    for (const sku of skus) {
      const about = (port: string): Said[] => values(port).filter((value) => value.sku === sku);
      const units = (port: string): number => about(port).reduce((sum, { quantity }) => sum + quantity!, 0);
      const moved = arrivals
        .filter(({ port, key }) => key === sku && (port === "receipts" || port === "adjustments"))
        .reduce((sum, { value }) => sum + unitsOf(value), 0);
      const why = `seed ${seed + run}, article ${sku}`;
      expect(stock.get(sku)!.level, why).toBe(moved + units("released") - units("reserved"));
      for (const { level } of about("reserved")) expect(level, why).toBeGreaterThanOrEqual(0);
      for (const { level, quantity } of about("refused")) expect(level, why).toBeLessThan(quantity!);
      const plain = plainLoop(arrivals.filter(({ key }) => key === sku));
      expect(
        about("levels").map(({ level }) => level),
        why,
      ).toEqual(plain.levels);
      expect(
        about("low").map(({ level }) => level),
        why,
      ).toEqual(plain.low);
      expect(
        about("refused").map(({ quantity }) => quantity),
        why,
      ).toEqual(plain.refused);
    }
    const answered = values("reserved").length + values("refused").length;
    expect(answered, `seed ${seed + run}`).toBe(arrivals.filter(({ port }) => port === "orders").length);
  }
});

/** The levels of one article, with a flag that is armed again instead of a crossing. */
function plainLoop(arrivals: readonly Arrival[]): { levels: number[]; low: number[]; refused: number[] } {
  const said = { levels: [] as number[], low: [] as number[], refused: [] as number[] };
  let level = 0;
  let armed = false;
  for (const { port, value } of arrivals) {
    const units = unitsOf(value);
    if (port === "orders" && units > level) {
      said.refused.push(units);
      continue;
    }
    level += port === "orders" ? -units : units;
    said.levels.push(level);
    if (level >= threshold) armed = true;
    else if (armed) {
      armed = false;
      said.low.push(level);
    }
  }
  return said;
}

function unitsOf(value: unknown): number {
  const { units, data } = value as { readonly units?: number; readonly data?: { readonly quantity?: number; readonly delta?: number } };
  return units ?? data?.quantity ?? data!.delta!;
}

function receipt(sku: string, quantity: number): Arrival {
  return { port: "receipts", key: sku, at: 0, value: { data: { sku, quantity } } };
}

function randomArrival(random: SeededRandom): Arrival {
  const sku = random.pick(skus);
  const at = random.between(0, 1_000_000);
  const units = random.between(1, 25);
  const port = random.pick(["orders", "orders", "orders", "receipts", "adjustments", "cancellations"]);
  if (port === "receipts") return { ...receipt(sku, units), at };
  if (port === "adjustments") return { port, key: sku, at, value: { data: { sku, delta: random.chance(0.8) ? -units : units } } };
  return { port, key: sku, at, value: { orderId: `o${random.between(1, 9)}`, sku, units } };
}
