import type { OperatorFunction } from "rxjs";
import { step, type KeyValueStore } from "@millrace/engine";
import { recordCodec } from "#schemas/codec/record-codec.ts";
import { moveLevel, type Movement, type StockChange } from "./movement.ts";

/** What is remembered of an article: its level, which may be below zero by adjustments only. */
export type Stock = { readonly level: number };

export const stockCodec = recordCodec<Stock>({
  type: "record",
  name: "Stock",
  fields: [{ name: "level", type: "long", doc: "Units there are." }],
});

/**
 * Moves the level of each movement's article and passes the change on. An article begins at 0 and has a level once a movement has named it.
 * A movement of no units, or of fewer (but for adjustments), is dead-lettered (`invalid-quantity`), and so is one that no integer can hold
 * (`level-out-of-range`).
 */
export function moveStock(stock: KeyValueStore<Stock>): OperatorFunction<Movement, StockChange> {
  return step((out, context) => (movement) => {
    const { sku, units, kind } = movement;
    if (!Number.isSafeInteger(units) || (units <= 0 && kind !== "adjustment")) {
      return context.deadLetter("invalid-quantity", `a ${kind} of ${units} units of ${sku}`);
    }
    const held = stock.get(sku);
    const change = moveLevel(held?.level ?? 0, movement);
    if (!Number.isSafeInteger(change.after)) return context.deadLetter("level-out-of-range", `${change.after} units of ${sku}`);
    if (held?.level !== change.after) stock.put(sku, { level: change.after });
    context.fold();
    out.next(change);
  });
}
