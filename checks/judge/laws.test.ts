import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { eventDrafts } from "#cli/replay/event-draft.ts";
import { readHistory } from "#cli/replay/history.ts";
import { brokenStockLaws, type StockDecision, type StockOutcome } from "./laws.ts";

const april = fileURLToPath(new URL("../../data/online-retail/2011-04.csv.gz", import.meta.url));

type Data = { sku: string; orderId: string; quantity: number; delta: number; items: { sku: string; quantity: number }[] };

/** What a shop that keeps its books well would say of the events of a replay. */
async function keptBooks(openingStock: number, repeat: number): Promise<StockOutcome> {
  const level = new Map<string, number>();
  const reserved: StockDecision[] = [];
  const refused: StockDecision[] = [];
  const add = (sku: string, units: number): number => level.set(sku, (level.get(sku) ?? 0) + units).get(sku)!;
  const history = await readHistory([april], () => undefined);
  for (const { eventType, head, tail } of eventDrafts(history, { openingStock, repeat, run: "" })) {
    const { data } = JSON.parse(`${head}${tail}`) as { data: Data };
    const { sku, orderId } = data;
    if (eventType === "inventory.received") add(sku, data.quantity);
    if (eventType === "inventory.adjusted") add(sku, data.delta);
    if (eventType === "order.cancelled") for (const item of data.items) add(item.sku, item.quantity);
    if (eventType !== "order.created") continue;
    for (const item of data.items) {
      const { quantity } = item;
      const there = level.get(item.sku) ?? 0;
      if (there < quantity) refused.push({ sku: item.sku, orderId, quantity, level: there });
      else reserved.push({ sku: item.sku, orderId, quantity, level: add(item.sku, -quantity) });
    }
  }
  return { reserved, refused, levels: [...level].map(([sku, units]) => ({ sku, level: units })) };
}

describe("[P21] the laws of a small stock", () => {
  test("hold for books that are kept well", async () => {
    for (const [openingStock, repeat] of [
      [50, 1],
      [50, 2],
      [1_000_000, 1],
    ] as const) {
      const outcome = await keptBooks(openingStock, repeat);
      expect(outcome.refused.length > 0).toBe(openingStock === 50);
      expect(brokenStockLaws([april], { openingStock, repeat }, outcome)).toEqual([]);
    }
  });

  test("are told when broken", async () => {
    const good = await keptBooks(50, 1);
    const [first, second, ...others] = good.reserved;
    const broken = (outcome: Partial<StockOutcome>): string[] => brokenStockLaws([april], { openingStock: 50 }, { ...good, ...outcome });
    const below = { ...first!, level: -1 };
    expect(broken({ reserved: [below, second!, ...others] })).toEqual([
      `[1] reserving ${below.quantity} of ${below.sku} for ${below.orderId} left -1`,
    ]);
    const lost = broken({ reserved: [second!, ...others] });
    expect(lost).toEqual([expect.stringMatching(/^\[3\] .* is at/), expect.stringMatching(/^\[4\] .*: neither reserved nor refused$/)]);
    const doubled = broken({ reserved: [...good.reserved, second!] });
    expect(doubled).toEqual([expect.stringMatching(/^\[3\]/), expect.stringMatching(/^\[4\] .* without an order$/)]);
    const wrongly = { ...good.refused[0]!, level: good.refused[0]!.quantity };
    expect(broken({ refused: [wrongly, ...good.refused.slice(1)] })).toEqual([expect.stringMatching(/^\[2\] .* though there were/)]);
    expect(broken({ levels: [...good.levels, { sku: "nothing", level: 0 }] })).toEqual([
      "[3] nothing has a level, the books know nothing of it",
    ]);
  });
});
