import type { OperatorFunction } from "rxjs";
import { step, type KeyValueStore } from "@millrace/engine";
import { recordCodec } from "#schemas/codec/record-codec.ts";
import type { Money } from "#schemas/money.ts";

/** What is remembered of a customer's orders in one currency: how many there were, and their sum in 1/10,000. */
export type EarlierOrders = { readonly orders: number; readonly total: bigint };

export const earlierOrdersCodec = recordCodec<EarlierOrders>({
  type: "record",
  name: "EarlierOrders",
  fields: [
    { name: "orders", type: "long" },
    // A sum of amounts needs more digits than an amount.
    { name: "total", type: { type: "bytes", logicalType: "decimal", precision: 38, scale: 4 } },
  ],
});

type CustomerOrder = { readonly data: { readonly customerId: string | null; readonly total: Money } };

export type OrderInHistory<T> = { readonly order: T; readonly customerId: string; readonly earlier: EarlierOrders };

const noOrders: EarlierOrders = { orders: 0, total: 0n };

/** Puts beside each order what its customer ordered before it, in the same currency. A guest has no history: dropped (`guest`). */
export function withEarlierOrders<T extends CustomerOrder>(history: KeyValueStore<EarlierOrders>): OperatorFunction<T, OrderInHistory<T>> {
  return step((out, context) => (order) => {
    const { customerId, total } = order.data;
    if (customerId === null) return context.drop("guest");
    const key = `${total.currency}:${customerId}`;
    const earlier = history.get(key) ?? noOrders;
    history.put(key, { orders: earlier.orders + 1, total: earlier.total + total.amount });
    context.fold();
    out.next({ order, customerId, earlier });
  });
}
