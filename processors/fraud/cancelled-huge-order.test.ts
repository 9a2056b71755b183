import { expect, test } from "vitest";
import { seededRandom, testSeed } from "#schemas/testing/seeded-random.ts";
import { nodeId, runOnce, runProcessor, type Arrival, type Departure } from "../testing/processor-run.ts";
import { cancelledHugeOrder } from "./cancelled-huge-order.ts";
import type { OpenOrders } from "./recent-orders.ts";

const minute = 60_000;
const hour = 60 * minute;
const noon = 12 * hour;
const config = { atLeast: "1000", within: "60m" };

type Options = { readonly customerId?: string | null; readonly currency?: string };
/** Amounts in 1/10,000. */
function event(port: string, at: number, orderId: string, amount: bigint): (options?: Options) => Arrival {
  return ({ customerId = "c1", currency = "GBP" } = {}) => ({
    port,
    key: customerId ?? `guest-${orderId}`,
    at,
    value: { data: { orderId, customerId, total: { amount, currency } } },
  });
}
const order = (at: number, orderId: string, amount: bigint, options?: Options): Arrival => event("orders", at, orderId, amount)(options);
const cancel = (at: number, orderId: string, amount: bigint, options?: Options): Arrival =>
  event("cancellations", at, orderId, amount)(options);
const alerted = (departures: readonly Departure[]): string[] => departures.map(({ value }) => (value as { orderId: string }).orderId);

const huge = 15_000_000n;

test("[F4] an order that is called off as a whole alerts under the order's number, at the time of the cancellation", () => {
  const { departures } = runProcessor(cancelledHugeOrder, config, [order(noon, "o1", huge), cancel(noon + minute, "C1", huge)]);
  expect(departures).toEqual([
    {
      port: "alerts",
      key: "c1",
      at: noon + minute,
      value: { rule: "cancelled-huge-order", subject: "c1", orderId: "o1", at: noon + minute, detail: "1500.00 GBP, called off by C1" },
    },
  ]);
});

test("[F4] both ends of the span are included", () => {
  const run = (at: number): string[] =>
    alerted(runProcessor(cancelledHugeOrder, config, [order(noon, "o1", huge), cancel(at, "C1", huge)]).departures);
  expect(run(noon)).toEqual(["o1"]);
  expect(run(noon + hour)).toEqual(["o1"]);
  expect(run(noon + hour + 1)).toEqual([]);
});

test("[F4] a cancellation that is read before the order, or lies before it, matches nothing", () => {
  expect(runProcessor(cancelledHugeOrder, config, [cancel(noon, "C1", huge), order(noon, "o1", huge)]).departures).toEqual([]);
  expect(runProcessor(cancelledHugeOrder, config, [order(noon, "o1", huge), cancel(noon - 1, "C1", huge)]).departures).toEqual([]);
});

test("[F4] the bound itself counts, a ten-thousandth below it does not", () => {
  const { departures, driver } = runProcessor(cancelledHugeOrder, config, [
    order(noon, "o1", 10_000_000n),
    order(noon, "o2", 9_999_999n),
    cancel(noon, "C1", 10_000_000n),
    cancel(noon, "C2", 9_999_999n),
    cancel(noon, "C3", 10_000_001n),
  ]);
  expect(alerted(departures)).toEqual(["o1"]);
  expect(driver.counts(nodeId)).toMatchObject({ in: 5, emitted: 1, folded: 1, dropped: { "below-threshold": 2, unmatched: 1 } });
});

test("[F4] of several orders the earliest by time is matched, each once", () => {
  const { departures } = runProcessor(cancelledHugeOrder, config, [
    order(noon + 2, "o3", huge),
    order(noon, "o1", huge),
    order(noon, "o2", huge),
    cancel(noon + 5, "C1", huge),
    cancel(noon + 6, "C2", huge),
    cancel(noon + 7, "C3", huge),
    cancel(noon + 8, "C4", huge),
  ]);
  expect(alerted(departures)).toEqual(["o1", "o2", "o3"]);
});

test("[F4] customers are judged each by themselves", () => {
  const { departures } = runProcessor(cancelledHugeOrder, config, [
    order(noon, "o1", huge),
    cancel(noon, "C1", huge, { customerId: "c2" }),
  ]);
  expect(departures).toEqual([]);
});

test("[F5] guests are nobody's customer", () => {
  const guest = { customerId: null };
  const { departures, driver } = runProcessor(cancelledHugeOrder, config, [
    order(noon, "o1", huge, guest),
    cancel(noon, "C1", huge, guest),
  ]);
  expect(departures).toEqual([]);
  expect(driver.counts(nodeId).dropped).toEqual({ guest: 2 });
});

test("[F6] totals of two currencies are not equal", () => {
  const { departures } = runProcessor(cancelledHugeOrder, config, [order(noon, "o1", huge), cancel(noon, "C1", huge, { currency: "EUR" })]);
  expect(departures).toEqual([]);
});

test("[F1] what lies behind the span is forgotten by whole segments", () => {
  const arrivals = [order(noon, "o1", huge), order(noon + 3 * hour, "o2", huge, { customerId: "c2" }), cancel(noon + hour, "C1", huge)];
  const { departures, driver } = runProcessor(cancelledHugeOrder, config, arrivals);
  expect(departures).toEqual([]);
  expect(driver.counts(nodeId).dropped).toEqual({ late: 1 });
  expect([...driver.window<OpenOrders>(nodeId, "recent")[0]!.range(0, noon + 9 * hour)].map(([, customer]) => customer)).toEqual(["c2"]);
});

test("[F7] of a customer who orders without end the newest orders stay open", () => {
  const orders = Array.from({ length: 1_100 }, (_, i) => order(noon + i, `o${i}`, huge));
  const { departures, driver } = runOnce(cancelledHugeOrder, config, [...orders, cancel(noon + 2_000, "C1", huge)]);
  expect(alerted(departures)).toEqual(["o100"]);
  expect(driver.window<OpenOrders>(nodeId, "recent")[0]!.get("c1", noon)!.open).toHaveLength(999);
});

test("[F4] random orders and cancellations alert as a plain loop over all of them says", () => {
  const seed = testSeed();
  for (let run = 0; run < 3; run++) {
    const random = seededRandom(seed + run);
    let clock = noon;
    const arrivals = Array.from({ length: 200 }, (_, i) => {
      clock += random.between(0, 6 * minute);
      const at = random.chance(0.15) ? clock - random.between(0, 40 * minute) : clock;
      const amount = random.pick([huge, huge + 1n, 9_000_000n]);
      const options = { customerId: random.pick(["c1", "c2"]) };
      return random.chance(0.5) ? order(at, `o${i}`, amount, options) : cancel(at, `C${i}`, amount, options);
    });
    const { departures } = runProcessor(cancelledHugeOrder, config, arrivals);
    expect(departures.length, `seed ${seed + run}`).toBeGreaterThan(0);
    expect(alerted(departures), `seed ${seed + run}`).toEqual(plainLoop(arrivals));
  }
});

function plainLoop(arrivals: readonly Arrival[]): string[] {
  type Data = { readonly orderId: string; readonly customerId: string; readonly total: { readonly amount: bigint } };
  const open: { readonly at: number; readonly data: Data }[] = [];
  const alerts: string[] = [];
  for (const { port, at, value } of arrivals) {
    const { data } = value as { readonly data: Data };
    if (port === "orders") open.push({ at, data });
    else if (data.total.amount >= 10_000_000n) {
      const matching = open
        .filter((one) => one.data.customerId === data.customerId && one.data.total.amount === data.total.amount)
        .filter((one) => one.at <= at && at - one.at <= hour)
        .toSorted((a, b) => a.at - b.at);
      const [found] = matching;
      if (found === undefined) continue;
      open.splice(open.indexOf(found), 1);
      alerts.push(found.data.orderId);
    }
  }
  return alerts;
}
