import { expect, test } from "vitest";
import { nodeId, runProcessor, type Arrival } from "../testing/processor-run.ts";
import type { EarlierOrders } from "./earlier-orders.ts";
import { isUnusual, unusualOrderValue } from "./unusual-order-value.ts";

const limits = { above: 5_000_000n, times: 5, afterOrders: 3 };

test("[F3] the bounds themselves do not alert, a ten-thousandth above them does", () => {
  const earlier = { orders: 3, total: 3_000_000n };
  expect(isUnusual(5_000_000n, earlier, limits)).toBe(false);
  expect(isUnusual(5_000_001n, earlier, limits)).toBe(true);
  expect(isUnusual(10_000_000n, { orders: 4, total: 8_000_000n }, limits)).toBe(false);
  expect(isUnusual(10_000_001n, { orders: 4, total: 8_000_000n }, limits)).toBe(true);
});

test("[F3] a mean that no decimal can write is compared exactly", () => {
  // The mean of 1,000,000.0001 over three orders is 333,333.33336666…; five times that is 1,666,666.6668333…
  const earlier = { orders: 3, total: 10_000_000_001n };
  expect(isUnusual(16_666_666_668n, earlier, limits)).toBe(false);
  expect(isUnusual(16_666_666_669n, earlier, limits)).toBe(true);
});

test("[F3] two earlier orders are too few", () => {
  expect(isUnusual(90_000_000n, { orders: 2, total: 20_000n }, limits)).toBe(false);
});

/** Amounts in 1/10,000. */
function order(
  orderId: string,
  amount: bigint,
  { customerId = "c1", currency = "GBP" }: { customerId?: string | null; currency?: string } = {},
): Arrival {
  return {
    port: "orders",
    key: customerId ?? `guest-${orderId}`,
    at: 1_000,
    value: { data: { orderId, customerId, total: { amount, currency } } },
  };
}
const config = { above: "500", times: 5, afterOrders: 3 };
const small = (...numbers: number[]): Arrival[] => numbers.map((number) => order(`o${number}`, 1_000_000n));

test("[F3] an order far above what the customer ordered before alerts, and counts among the earlier orders from then on", () => {
  const { departures } = runProcessor(unusualOrderValue, config, [...small(1, 2, 3), order("o4", 6_000_000n), order("o5", 6_000_000n)]);
  expect(departures).toEqual([
    {
      port: "alerts",
      key: "c1",
      at: 1_000,
      value: {
        rule: "unusual-order-value",
        subject: "c1",
        orderId: "o4",
        at: 1_000,
        detail: "600.00 GBP; 3 earlier orders of 300.00 together",
      },
    },
  ]);
});

test("[F3] customers are judged each by themselves", () => {
  const { departures } = runProcessor(unusualOrderValue, config, [...small(1, 2, 3), order("o4", 9_000_000n, { customerId: "c2" })]);
  expect(departures).toEqual([]);
});

test("[F5] guests are dropped and counted", () => {
  const guest = { customerId: null };
  const arrivals = ["g1", "g2", "g3", "g4"].map((id, i) => order(id, i === 3 ? 90_000_000n : 10_000n, guest));
  const { departures, driver } = runProcessor(unusualOrderValue, config, arrivals);
  expect(departures).toEqual([]);
  expect(driver.counts(nodeId)).toMatchObject({ in: 4, dropped: { guest: 4 } });
});

test("[F6] orders of another currency are another history", () => {
  const { departures } = runProcessor(unusualOrderValue, config, [
    ...small(1, 2, 3),
    order("o4", 9_000_000n, { currency: "JPY" }),
    order("o5", 9_000_000n),
  ]);
  expect(departures.map(({ value }) => (value as { orderId: string }).orderId)).toEqual(["o5"]);
});

test("[F3] a sum beyond the digits of one amount is kept exactly", () => {
  const largest = 10n ** 18n - 1n;
  const { driver } = runProcessor(
    unusualOrderValue,
    config,
    ["o1", "o2", "o3"].map((id) => order(id, largest)),
  );
  expect(driver.keyValue<EarlierOrders>(nodeId, "history")[0]!.get("GBP:c1")).toEqual({ orders: 3, total: largest * 3n });
});
