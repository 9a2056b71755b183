import type { Processor } from "@millrace/engine";
import { cancelledHugeOrder } from "./fraud/cancelled-huge-order.ts";
import { unusualOrderValue } from "./fraud/unusual-order-value.ts";
import { velocity } from "./fraud/velocity.ts";
import { stockLevel } from "./inventory/stock-level.ts";
import { requestNotification } from "./notifications/request.ts";

/** Every processor that a topology can `use`, by the order of their names. A test compares the list with the folders. */
export const processors: readonly Processor[] = [cancelledHugeOrder, unusualOrderValue, velocity, stockLevel, requestNotification];

/** The processor of a name, or nothing. */
export function processorOf(name: string): Processor | undefined {
  return processors.find((processor) => processor.name === name);
}
