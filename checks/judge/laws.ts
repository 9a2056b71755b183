import { openLedger } from "./ledger.ts";
import type { ReplayedAs } from "./answers.ts";

/** An `inventory.reserved` or `inventory.refused` event's data, as read back. `level` is what was left, or what there was. */
export type StockDecision = { readonly sku: string; readonly orderId: string; readonly quantity: number; readonly level: number };

export type StockOutcome = {
  readonly reserved: readonly StockDecision[];
  readonly refused: readonly StockDecision[];
  /** The rows of `stock-levels`. */
  readonly levels: readonly { readonly sku: string; readonly level: number }[];
};

/**
 * The laws of replay.md §4, whatever the order in which customers came through; answers what breaks them, in words.
 * 1. no level that a reservation led to is below zero  2. a reservation is refused only when the level was below it
 * 3. per sku opening + adjusted + cancelled − reserved = level  4. every line of every order is reserved or refused, once
 */
export function brokenStockLaws(files: readonly string[], { openingStock = 0, repeat = 1 }: ReplayedAs, outcome: StockOutcome): string[] {
  const { reserved, refused, levels } = outcome;
  const broken: string[] = [];
  for (const { sku, orderId, quantity, level } of reserved) {
    if (level < 0) broken.push(`[1] reserving ${quantity} of ${sku} for ${orderId} left ${level}`);
  }
  for (const { sku, orderId, quantity, level } of refused) {
    if (level >= quantity) broken.push(`[2] ${quantity} of ${sku} were refused to ${orderId} though there were ${level}`);
  }
  const db = openLedger(files);
  try {
    const stock = new Map<string, number>();
    const add = (sku: string, units: number): void => void stock.set(sku, (stock.get(sku) ?? 0) + units);
    for (const { sku } of db.prepare("SELECT DISTINCT sku FROM accepted").all()) add(String(sku), openingStock);
    const back = `SELECT sku, quantity AS units FROM line JOIN invoice USING (run) WHERE cancels UNION ALL SELECT sku, delta FROM adjustment`;
    for (const { sku, units } of db.prepare(back).all()) add(String(sku), Number(units) * repeat);
    for (const { sku, quantity } of reserved) add(sku, -quantity);
    const answered = new Map(levels.map(({ sku, level }) => [sku, level]));
    for (const [sku, level] of stock)
      if (answered.get(sku) !== level) broken.push(`[3] ${sku} is at ${answered.get(sku)}, the books say ${level}`);
    for (const sku of answered.keys()) if (!stock.has(sku)) broken.push(`[3] ${sku} has a level, the books know nothing of it`);
    const asked = new Map<string, number>();
    const count = (line: string, by: number): void => void asked.set(line, (asked.get(line) ?? 0) + by);
    const lines = db.prepare("SELECT id, sku, quantity FROM line JOIN invoice USING (run) WHERE NOT cancels").all();
    for (let r = 0; r < repeat; r++) {
      for (const { id, sku, quantity } of lines)
        count(`${String(quantity)} of ${String(sku)} for ${String(id)}${r === 0 ? "" : `~${r}`}`, 1);
    }
    for (const { orderId, sku, quantity } of [...reserved, ...refused]) count(`${quantity} of ${sku} for ${orderId}`, -1);
    for (const [line, times] of asked) {
      if (times > 0) broken.push(`[4] ${line}: neither reserved nor refused${times > 1 ? `, ${times} times` : ""}`);
      if (times < 0) broken.push(`[4] ${line}: reserved or refused without an order${times < -1 ? `, ${-times} times` : ""}`);
    }
  } finally {
    db.close();
  }
  return broken;
}
