import { filter } from "rxjs";
import { z } from "zod";
import { defineProcessor, keyValueStore, mapValue } from "@millrace/engine";
import { formatAmount } from "#schemas/money.ts";
import { amount } from "../amount.ts";
import { eventInput, eventOutput } from "../commerce-port.ts";
import { earlierOrdersCodec, withEarlierOrders, type EarlierOrders } from "./earlier-orders.ts";

const config = z.strictObject({
  above: amount.meta({ description: "Totals up to it never alert, in the order's own currency.", examples: ["500"] }),
  times: z
    .int()
    .positive()
    .meta({ description: "The total alerts when it is above this many times the mean of the earlier orders.", examples: [5] }),
  afterOrders: z
    .int()
    .positive()
    .meta({ description: "Earlier orders that a customer must have.", examples: [3] }),
});
type Config = z.infer<typeof config>;

export const unusualOrderValue = defineProcessor({
  name: "fraud/unusual-order-value",
  summary: "Alerts when a customer's order is worth many times what the customer ordered before.",
  config,
  inputs: { orders: eventInput("order.created", { key: "customerId", reads: ["orderId", "customerId", "total"] }) },
  outputs: { alerts: eventOutput("fraud.alert") },
  stores: () => ({ history: keyValueStore(earlierOrdersCodec) }),
  run: ({ orders }, { history }, limits) => ({
    alerts: orders.pipe(
      withEarlierOrders(history),
      filter(({ order, earlier }) => isUnusual(order.data.total.amount, earlier, limits)),
      mapValue(({ order: { data }, customerId, earlier }, { timestamp }) => ({
        rule: "unusual-order-value",
        subject: customerId,
        orderId: data.orderId,
        at: timestamp,
        detail: `${formatAmount(data.total.amount)} ${data.total.currency}; ${earlier.orders} earlier orders of ${formatAmount(earlier.total)} together`,
      })),
    ),
  }),
});

/** Above the floor and above `times` the mean of enough earlier orders; total × n > times × sum is that without a division. [F3] */
export function isUnusual(total: bigint, earlier: EarlierOrders, { above, times, afterOrders }: Config): boolean {
  return earlier.orders >= afterOrders && total > above && total * BigInt(earlier.orders) > BigInt(times) * earlier.total;
}
