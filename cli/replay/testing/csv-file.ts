import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

export const header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country";

/** Writes a file of the given content to a folder that goes away with the test; answers its path. */
export function temporaryFile(content: string | Uint8Array, name = "orders.csv"): string {
  const folder = mkdtempSync(join(tmpdir(), "replay-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** A CSV file of a header and these rows. */
export function csvFile(...rows: readonly string[]): string {
  return temporaryFile(`${[header, ...rows].join("\n")}\n`);
}

export type RowParts = {
  invoice?: string;
  sku?: string;
  description?: string;
  quantity?: number | string;
  date?: string;
  price?: number | string;
  customer?: string;
  country?: string;
};

/** A row with ordinary cells but for those given. */
export function row(parts: RowParts = {}): string {
  const { invoice = "536365", sku = "85123A", description = "LANTERN", quantity = 2, date = "2011-04-01 08:30:00" } = parts;
  const { price = "2.55", customer = "17850.0", country = "France" } = parts;
  return [invoice, sku, description, quantity, date, price, customer, country].join(",");
}
