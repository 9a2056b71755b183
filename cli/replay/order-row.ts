import { type Decimal, parseDecimal } from "./decimal.ts";

/** The reasons for which a row is refused, in the order in which they are asked; the first that applies counts.  [P3] */
export const refusalReasons = [
  "malformed-row",
  "ledger-adjustment",
  "negative-price",
  "positive-cancellation",
  "negative-quantity",
] as const;
export type RefusalReason = (typeof refusalReasons)[number];

/** What an accepted row says. `at` is milliseconds UTC; `price` is GBP; a guest has no `customer`. */
export type OrderRow = {
  readonly kind: "order-row";
  readonly invoice: string;
  readonly sku: string;
  readonly description: string;
  readonly quantity: number;
  readonly at: number;
  readonly price: Decimal;
  readonly customer: string | null;
  readonly country: string;
};

/** Reads the eight cells of a row (`InvoiceNo` … `Country`), or says why they are refused.  [P3, P4] */
export function readOrderRow(cells: readonly string[]): OrderRow | { readonly kind: "refused"; readonly reason: RefusalReason } {
  const [invoiceText, skuText, description, quantityText, dateText, priceText, customerText, country] = cells;
  const malformed = refused("malformed-row");
  if (cells.length !== 8 || country === undefined) return malformed;
  const invoice = invoiceText!.trim();
  const sku = skuText!.trim();
  const quantity = parseQuantity(quantityText!);
  const price = parseDecimal(priceText!);
  const at = parseTime(dateText!);
  if (invoice === "" || sku === "" || quantity === 0 || price === undefined || Number.isNaN(at)) return malformed;
  const customer = customerText!.trim().replace(/^(\d+)\.0$/, "$1") || null;
  const cancels = invoice.startsWith("C");
  if (invoice.startsWith("A")) return refused("ledger-adjustment");
  if (price.units < 0n) return refused("negative-price");
  if (cancels && quantity > 0) return refused("positive-cancellation");
  if (!cancels && quantity < 0 && (price.units !== 0n || customer !== null)) return refused("negative-quantity");
  return { kind: "order-row", invoice, sku, description: description!.trim(), quantity, at, price, customer, country: country.trim() };
}

function refused(reason: RefusalReason): { kind: "refused"; reason: RefusalReason } {
  return { kind: "refused", reason };
}

/** Whole numbers that a double holds exactly; 0 for anything else. */
function parseQuantity(text: string): number {
  const value = /^-?\d+$/.test(text) ? Number(text) : 0;
  return Number.isSafeInteger(value) ? value : 0;
}

let lastText = "";
let lastTime = Number.NaN;

/** `YYYY-MM-DD hh:mm:ss` as UTC milliseconds; NaN for anything else, such as February 30, which `Date` would take for March 2. */
function parseTime(text: string): number {
  if (text === lastText) return lastTime;
  const shaped = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(text);
  const time = shaped ? Date.parse(`${text.replace(" ", "T")}Z`) : Number.NaN;
  const same = !Number.isNaN(time) && new Date(time).toISOString().slice(0, 19).replace("T", " ") === text;
  lastText = text;
  lastTime = same ? time : Number.NaN;
  return lastTime;
}
