import { chainNode, filterValue, mapValue } from "@millrace/engine";
import { jsonProjection } from "#schemas/json/json-projection.ts";
import { jsonWriter } from "#schemas/json/json-writer.ts";
import { sourceOf, type Job } from "./job.ts";

type Order = { readonly orderId: string; readonly sku: string; readonly amount: number };
type Line = { readonly orderId: string; readonly cents: number; readonly sku: string };

const write = jsonWriter(["orderId", "cents", "sku"]);

/** J-stateless: orders of 20 and more, in cents, by sku. */
export const statelessJob: Job = {
  source: sourceOf(jsonProjection(["orderId", "sku", "amount"])),
  processor: chainNode("lines", {}, () => [
    filterValue<Order>(({ amount }) => amount >= 20) as never,
    mapValue(({ orderId, sku, amount }: Order): Line => ({ orderId, cents: Math.round(amount * 100), sku })) as never,
  ]),
  key: (value) => (value as Line).sku,
  encode: (value) => write(value as Line),
};
