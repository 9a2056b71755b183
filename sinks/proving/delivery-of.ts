import type { Delivery } from "@millrace/engine";

/** A record as a sink is given it at its first try, of topic `t`, partition 0. */
export function deliveryOf(offset: number | bigint = 7, key: string | null = "k", value: string | null = "v"): Delivery {
  return {
    id: `t/0/${offset}`,
    at: { topic: "t", partition: 0, offset: BigInt(offset) },
    order: BigInt(offset),
    timestamp: 1,
    key,
    value: value === null ? null : Buffer.from(value),
    headers: [],
    attempt: 0,
  };
}
