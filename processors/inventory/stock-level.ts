import { filter, map, merge, share, type OperatorFunction } from "rxjs";
import { z } from "zod";
import { defineProcessor, keyValueStore } from "@millrace/engine";
import type { EventTypes } from "#schemas/events.generated.ts";
import { eventInput, eventOutput, recordInput } from "../commerce-port.ts";
import { fallsBelow, type Movement, type OrderedChange, type StockChange } from "./movement.ts";
import { moveStock, stockCodec } from "./stock.ts";

const config = z.strictObject({
  lowStockBelow: z
    .int()
    .nonnegative()
    .meta({
      description: "Units: a level that falls below them is low, and is told once until it has risen to them again.",
      examples: [5],
    }),
});

const orderLine = { orderId: "string", sku: "string", units: "int" } as const;

export const stockLevel = defineProcessor({
  name: "inventory/stock-level",
  summary:
    "Keeps the stock of each article, reserves it for the lines of orders, refuses what it cannot fill, and tells when stock runs low.",
  config,
  inputs: {
    orders: recordInput(orderLine, { key: "sku" }),
    receipts: eventInput("inventory.received", { key: "sku", reads: ["sku", "quantity"], optional: true }),
    adjustments: eventInput("inventory.adjusted", { key: "sku", reads: ["sku", "delta"], optional: true }),
    cancellations: recordInput(orderLine, { key: "sku", optional: true }),
  },
  outputs: {
    levels: eventOutput("inventory.level"),
    low: eventOutput("inventory.low"),
    reserved: eventOutput("inventory.reserved"),
    refused: eventOutput("inventory.refused"),
    released: eventOutput("inventory.released"),
  },
  stores: () => ({ stock: keyValueStore(stockCodec) }),
  run: ({ orders, receipts, adjustments, cancellations }, { stock }, { lowStockBelow }) => {
    const changes = merge(
      orders.pipe(map(({ orderId, sku, units }): Movement => ({ kind: "reservation", orderId, sku, units }))),
      receipts.pipe(map(({ data }): Movement => ({ kind: "receipt", sku: data.sku, units: data.quantity }))),
      adjustments.pipe(map(({ data }): Movement => ({ kind: "adjustment", sku: data.sku, units: data.delta }))),
      cancellations.pipe(map(({ orderId, sku, units }): Movement => ({ kind: "cancellation", orderId, sku, units }))),
    ).pipe(moveStock(stock), share());
    return {
      levels: changes.pipe(
        filter(({ kind }) => kind !== "refused"),
        map(({ sku, after }) => ({ sku, level: after })),
      ),
      low: changes.pipe(
        filter((change) => fallsBelow(lowStockBelow, change)),
        map(({ sku, after }) => ({ sku, level: after, threshold: lowStockBelow })),
      ),
      reserved: changes.pipe(ordered("reserved"), map(toOrdered)),
      refused: changes.pipe(
        ordered("refused"),
        map((change) => ({ ...toOrdered(change), reason: "out of stock" })),
      ),
      released: changes.pipe(ordered("released"), map(toOrdered)),
    };
  },
});

function ordered(kind: OrderedChange["kind"]): OperatorFunction<StockChange, OrderedChange> {
  return filter((change): change is OrderedChange => change.kind === kind);
}

function toOrdered({ sku, orderId, units, after }: OrderedChange): EventTypes["inventory.reserved"] {
  return { sku, orderId, quantity: units, level: after };
}
