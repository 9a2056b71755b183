import { setTimeout as delay } from "node:timers/promises";
import type { RunNames } from "../round.ts";
import type { SentEvents } from "./sent-events.ts";

/** What the pipeline made of the accepted orders of known customers, by the query that counts them. */
export type CountedOrders = {
  readonly accepted: number;
  /** Without an answer: they may be counted or not. */
  readonly unknown: number;
  readonly counted: number;
  /** Customers whose count is not what was accepted. */
  readonly wrong: number;
  readonly good: boolean;
};

export const countingQuery = "orders-by-customer-and-day";
const deadlineMs = 30_000;

/**
 * Asks the query that counts orders by customer until it shows all of this run's, or no more come. It is a public door, so it is there on servers
 * that are not ours too; what it proves is that each accepted order had its effect once. [LT5]
 */
export async function countOrders(url: string, sent: SentEvents, { run, batch }: RunNames): Promise<CountedOrders> {
  const expected = new Map<string, { accepted: number; unknown: number }>();
  let unanswered = 0;
  for (const { events, outcomes } of sent.users.values()) {
    for (const [i, { eventType, key }] of events.entries()) {
      const outcome = outcomes[i]!;
      if (eventType !== "order.created" || !key.startsWith("c-") || outcome === "r" || outcome === "t") continue;
      let counts = expected.get(key);
      if (counts === undefined) expected.set(key, (counts = { accepted: 0, unknown: 0 }));
      counts[outcome === "u" ? "unknown" : "accepted"] += 1;
      // The request behind a user's last answer was most likely never sent.
      if (outcome === "u" && i < outcomes.length - batch) unanswered += 1;
    }
  }
  const accepted = expected.values().reduce((sum, counts) => sum + counts.accepted, 0);
  const deadline = performance.now() + deadlineMs;
  while (true) {
    const counted = await countsBy(url, `c-${run}-`);
    const all = counted.values().reduce((total, n) => total + n, 0);
    const names = new Set([...expected.keys(), ...counted.keys()]);
    const wrong = [...names].filter((name) => {
      const { accepted = 0, unknown = 0 } = expected.get(name) ?? {};
      const n = counted.get(name) ?? 0;
      return n < accepted || n > accepted + unknown;
    }).length;
    if (wrong === 0 || performance.now() > deadline) return { accepted, unknown: unanswered, counted: all, wrong, good: wrong === 0 };
    await delay(250);
  }
}

/** Orders by customer, of those whose name begins so. @throws {Error} when the query cannot be asked */
async function countsBy(url: string, prefix: string): Promise<ReadonlyMap<string, number>> {
  const answer = await fetch(`${url}/v1/queries/${countingQuery}?format=ndjson&from=-2d`);
  if (answer.status !== 200) throw new Error(`${countingQuery} answers ${answer.status}: ${(await answer.text()).slice(0, 200)}`);
  const counts = new Map<string, number>();
  for (const line of (await answer.text()).split("\n")) {
    if (line === "") continue;
    const { customerId, orders } = JSON.parse(line) as { readonly customerId: string; readonly orders: number | string };
    if (customerId.startsWith(prefix)) counts.set(customerId, (counts.get(customerId) ?? 0) + Number(orders));
  }
  return counts;
}
