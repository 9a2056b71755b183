import type { OperatorFunction } from "rxjs";
import { step, type NodeContext, type WindowStore } from "@millrace/engine";
import { recordCodec } from "#schemas/codec/record-codec.ts";
import type { Money } from "#schemas/money.ts";
import { segmentStart, type SlidingSpan } from "./sliding-span.ts";

/** An order that no cancellation has matched yet. */
export type OpenOrder = { readonly orderId: string; readonly at: number; readonly total: Money };
/** Of one customer and segment: the open orders by time, those of one time as they came. */
export type OpenOrders = { open: OpenOrder[] };

export const openOrdersCodec = recordCodec<OpenOrders>({
  type: "record",
  name: "OpenOrders",
  fields: [
    {
      name: "open",
      type: {
        type: "array",
        items: {
          type: "record",
          name: "OpenOrder",
          fields: [
            { name: "orderId", type: "string" },
            { name: "at", type: { type: "long", logicalType: "timestamp-millis" } },
            {
              name: "total",
              type: {
                type: "record",
                name: "Money",
                fields: [
                  { name: "amount", type: { type: "bytes", logicalType: "decimal", precision: 18, scale: 4 } },
                  { name: "currency", type: "string" },
                ],
              },
            },
          ],
        },
      },
    },
  ],
});

/** A customer who orders without end costs no more than this many open orders a segment: the newest. */
export const rememberedOrders = 1_000;

/** What is read of the events of a customer's order. */
export type OrderEvent = { readonly data: { readonly orderId: string; readonly customerId: string | null; readonly total: Money } };

/** Remembers each order of a customer for the span behind it, and says nothing. */
export function rememberOrder(recent: WindowStore<OpenOrders>, span: SlidingSpan): OperatorFunction<OrderEvent, never> {
  return step((_out, context) => ({ data: { orderId, customerId, total } }) => {
    const { timestamp } = context.record;
    if (!isJudged(customerId, span, context)) return;
    const start = segmentStart(timestamp, span.spanMs);
    const orders = recent.get(customerId, start) ?? { open: [] };
    let at = orders.open.length;
    while (at > 0 && orders.open[at - 1]!.at > timestamp) at -= 1;
    orders.open.splice(at, 0, { orderId, at: timestamp, total });
    if (orders.open.length > rememberedOrders) orders.open.shift();
    recent.put(customerId, start, orders);
    context.fold();
  });
}

export type MatchedCancellation<T> = { readonly cancellation: T; readonly customerId: string; readonly order: OpenOrder };

/** Finds to each cancellation the earliest open order of the same total in `[t − spanMs, t]`, which is open no more; without one it is dropped (`unmatched`). */
export function matchOrder<T extends OrderEvent>(
  recent: WindowStore<OpenOrders>,
  span: SlidingSpan,
): OperatorFunction<T, MatchedCancellation<T>> {
  return step((out, context) => (cancellation) => {
    const { customerId, total } = cancellation.data;
    const { timestamp } = context.record;
    if (!isJudged(customerId, span, context)) return;
    const from = timestamp - span.spanMs;
    for (const [start, orders] of recent.windowsOf(customerId, segmentStart(from, span.spanMs), timestamp + 1)) {
      const found = orders.open.findIndex(({ at, total: ordered }) => at >= from && at <= timestamp && isSame(ordered, total));
      if (found < 0) continue;
      const [order] = orders.open.splice(found, 1);
      if (orders.open.length > 0) recent.put(customerId, start, orders);
      else recent.delete(customerId, start);
      context.fold();
      return out.next({ cancellation, customerId, order: order! });
    }
    context.drop("unmatched");
  });
}

/** A guest is nobody's customer, and what is later than a whole span may have been forgotten: both are dropped, and counted. */
function isJudged(customerId: string | null, span: SlidingSpan, context: NodeContext): customerId is string {
  if (!span.reaches(context.record.timestamp)) context.drop("late");
  else if (customerId === null) context.drop("guest");
  else return true;
  return false;
}

function isSame(a: Money, b: Money): boolean {
  return a.amount === b.amount && a.currency === b.currency;
}
