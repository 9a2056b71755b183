import { idsOf, requestsOfRound } from "./event-id.ts";
import { createShopper, type MadeEvent } from "./shopper.ts";

// Read by k6 as well as by Node: nothing here may import what k6 does not have.

/** How a run's events are made, by whoever makes them. */
export type RunNames = {
  /** In every id. */
  readonly run: string;
  readonly seed: number;
  /** Events a request. */
  readonly batch: number;
};

/** A request of a round, whose visits are new ones in each. */
export type RoundRequest = {
  /** As `bodyOf` takes it. */
  readonly template: string;
  /** Orders of the round so far, and with this request. */
  readonly ordersBefore: number;
  readonly orders: number;
  /** Of the newest order: its event's place in the request, and an article in it. Of an earlier request where this one has none. */
  readonly newest: { readonly index: number; readonly sku: number };
};

/** Stand where the number of the round and the time of sending will; in no text of an event. */
const roundMark = "~";
const timeMark = "^";

/**
 * What a virtual user sends, round after round: the same steps of other visitors. k6 interprets, twenty times slower than Node, and what it does
 * while it posts is taken from the server beside it; so it makes events before it posts, and then only fills in numbers and times.
 * `take` is told of each event, in order.
 */
export function createRound({ run, seed, batch }: RunNames, user: number, take?: (event: MadeEvent) => void): readonly RoundRequest[] {
  const requests = requestsOfRound(batch);
  const shopper = createShopper({ name: `${run}-${user}-${roundMark}`, seed, user, events: requests * batch });
  const { next, orders } = shopper;
  let newest = { index: 0, sku: 0 };
  return Array.from({ length: requests }, (_, request) => {
    const ordersBefore = orders.count;
    const ids = idsOf(run, user, roundMark, request);
    const events: string[] = [];
    for (let index = 0; index < batch; index++) {
      events[index] = next(`${ids}${index}`, timeMark);
      take?.(shopper.last());
    }
    if (orders.count > ordersBefore) newest = { index: Number(orders.eventId.slice(ids.length)), sku: orders.sku };
    return { template: `[${events.join(",")}]`, ordersBefore, orders: orders.count, newest };
  });
}

/** What is posted: JSON, an array of `batch` events. `timestamp` is RFC 3339. */
export const bodyOf = ({ template }: RoundRequest, round: number, timestamp: string): string =>
  template.replaceAll(roundMark, `${round}`).replaceAll(timeMark, timestamp);

/** The key of an event of that round. */
export const keyInRound = ({ key }: MadeEvent, round: number): string => key.replaceAll(roundMark, `${round}`);
