import { merge, type OperatorFunction } from "rxjs";
import { z } from "zod";
import { defineProcessor, filterValue, mapValue, windowStore } from "@millrace/engine";
import { formatAmount } from "#schemas/money.ts";
import { amount } from "../amount.ts";
import { eventInput, eventOutput } from "../commerce-port.ts";
import { duration } from "../duration.ts";
import { matchOrder, openOrdersCodec, rememberOrder, type OrderEvent } from "./recent-orders.ts";
import { slidingSpan } from "./sliding-span.ts";

const config = z.strictObject({
  atLeast: amount.meta({ description: "Orders below it are nobody's concern, in the order's own currency.", examples: ["1000"] }),
  within: duration.meta({
    description: "How soon behind the order the cancellation comes, in event time, the bound included.",
    examples: ["60m"],
  }),
});

const reads = ["orderId", "customerId", "total"] as const;

export const cancelledHugeOrder = defineProcessor({
  name: "fraud/cancelled-huge-order",
  summary: "Alerts when a customer calls off a whole order of a large value soon after it was made.",
  config,
  inputs: {
    orders: eventInput("order.created", { key: "customerId", reads }),
    cancellations: eventInput("order.cancelled", { key: "customerId", reads }),
  },
  outputs: { alerts: eventOutput("fraud.alert") },
  stores: () => ({ recent: windowStore(openOrdersCodec) }),
  run: ({ orders, cancellations }, { recent }, { atLeast, within }, context) => {
    const span = slidingSpan(recent, within, context);
    // Totals are compared for equality, so that an order below the bound can match no cancellation that counts.
    const aboveThreshold = <T extends OrderEvent>(): OperatorFunction<T, T> =>
      filterValue(({ data }) => data.total.amount >= atLeast, "below-threshold");
    return {
      alerts: merge(
        orders.pipe(aboveThreshold(), rememberOrder(recent, span)),
        cancellations.pipe(aboveThreshold(), matchOrder(recent, span)),
      ).pipe(
        mapValue(({ cancellation: { data }, customerId, order }, { timestamp }) => ({
          rule: "cancelled-huge-order",
          subject: customerId,
          orderId: order.orderId,
          at: timestamp,
          detail: `${formatAmount(order.total.amount)} ${order.total.currency}, called off by ${data.orderId}`,
        })),
      ),
    };
  },
});
