import { createHash } from "node:crypto";
import { addProduct, type Decimal, decimalText, zero } from "./decimal.ts";
import type { OrderRow } from "./order-row.ts";

/** Where in the files something came from. */
export type Origin = { readonly file: string; readonly line: number };

/** A change of stock that is no sale: a row with price 0 and no customer. `stem` begins its event's id. */
export type Adjustment = { readonly sku: string; readonly delta: number; readonly reason: string; readonly stem: string };

/** What an invoice sold or took back. `items` is JSON, ready to stand between brackets; `total` a canonical decimal. */
export type Sale = { readonly items: string; readonly total: string; readonly paid: boolean };

/** A run of adjacent accepted rows with one number. Time, customer, country and origin are those of its first row.  [P5] */
export type Invoice = {
  readonly id: string;
  readonly stem: string;
  readonly cancels: boolean;
  readonly at: number;
  readonly customer: string | null;
  readonly country: string;
  readonly origin: Origin;
  readonly sale: Sale | null;
  readonly adjustments: readonly Adjustment[];
};

type Draft = { id: string; number: string; first: OrderRow; origin: Origin; items: string[]; total: Decimal; adjustments: Adjustment[] };

/** Gathers rows, in the order of the files, to invoices; a number met again later is another invoice: `-2`, `-3`…  [P5–P7] */
export class InvoiceGatherer {
  readonly #met = new Map<string, number>();
  #draft: Draft | undefined;

  /** Takes the next accepted row; answers the invoice that it ends, if it does. */
  add(row: OrderRow, origin: Origin): Invoice | undefined {
    const ended = this.#draft !== undefined && this.#draft.number !== row.invoice ? this.end() : undefined;
    this.#draft ??= this.#begin(row, origin);
    const draft = this.#draft;
    if (!row.invoice.startsWith("C") && row.price.units === 0n && row.customer === null) {
      const stem = eventStem(draft.id, [draft.adjustments.length, row.sku, row.quantity, row.description], row.at);
      draft.adjustments.push({ sku: row.sku, delta: row.quantity, reason: row.description || "unspecified", stem });
    } else {
      const quantity = Math.abs(row.quantity);
      draft.items.push(itemJson(row, quantity));
      draft.total = addProduct(draft.total, row.price, quantity);
    }
    return ended;
  }

  /** The invoice that was still open. */
  end(): Invoice | undefined {
    const draft = this.#draft;
    if (draft === undefined) return undefined;
    this.#draft = undefined;
    const { id, first, items, total } = draft;
    return {
      id,
      stem: eventStem(id, [first.sku, first.quantity, first.customer], first.at),
      cancels: draft.number.startsWith("C"),
      at: first.at,
      customer: first.customer,
      country: first.country,
      origin: draft.origin,
      sale: items.length === 0 ? null : { items: items.join(","), total: decimalText(total), paid: total.units > 0n },
      adjustments: draft.adjustments,
    };
  }

  #begin(first: OrderRow, origin: Origin): Draft {
    const times = (this.#met.get(first.invoice) ?? 0) + 1;
    this.#met.set(first.invoice, times);
    const id = times === 1 ? first.invoice : `${first.invoice}-${times}`;
    return { id, number: first.invoice, first, origin, items: [], total: zero, adjustments: [] };
  }
}

function itemJson({ sku, description, price }: OrderRow, quantity: number): string {
  const about = description === "" ? "" : `"description":${JSON.stringify(description)},`;
  const amount = decimalText(price);
  return `{"sku":${JSON.stringify(sku)},${about}"quantity":${quantity},"unitPrice":{"amount":"${amount}","currency":"GBP"}}`;
}

/**
 * The beginning of an event's id, derived from the row that the event came from: readable, and told apart from others by a hash.
 * At most 41 of the characters that an event's id may have, so that endings fit into 64.  [P8]
 */
export function eventStem(id: string, row: readonly unknown[], at: number): string {
  const hash = createHash("sha256").update(JSON.stringify([id, at, ...row]));
  return `${id.replaceAll(/[^A-Za-z0-9._:-]/g, "_").slice(0, 24)}.${hash.digest("hex").slice(0, 16)}`;
}
