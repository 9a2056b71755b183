import { expect, test } from "vitest";
import { partitionOf } from "@millrace/engine";
import { schemaOf } from "#schemas/event-registry.ts";
import { parseEvent } from "#schemas/parse-event.ts";
import type { ShopEvent } from "#schemas/shop-event.ts";
import { testSeed } from "#schemas/testing/seeded-random.ts";
import { eventIdOf, firstRequestOf, placeOf, requestsOfRound } from "./event-id.ts";
import { ordersShare } from "./k6/options-for.ts";
import { bodyOf, createRound, keyInRound } from "./round.ts";
import type { MadeEvent } from "./shopper.ts";

const seed = testSeed();
const timestamp = "2026-11-20T09:00:00.000Z";
type Sent = MadeEvent & { readonly text: string };

/** What a user sends in its first rounds, as `npm run load` makes it. */
function eventsOf(user: number, { rounds = 1, batch = 10, ofSeed = seed } = {}): readonly Sent[] {
  const made: MadeEvent[] = [];
  const requests = createRound({ run: "r1", seed: ofSeed, batch }, user, (event) => made.push(event));
  return Array.from({ length: rounds }, (_, round) =>
    requests.flatMap((request, r) =>
      (JSON.parse(bodyOf(request, round, timestamp)) as readonly unknown[]).map((event, i): Sent => {
        const { eventType, key } = made[r * batch + i]!;
        return { eventType, key: keyInRound({ eventType, key }, round), text: JSON.stringify(event) };
      }),
    ),
  ).flat();
}
const usersOf = (count: number, batch = 10): readonly Sent[] => Array.from({ length: count }, (_, i) => eventsOf(i + 1, { batch })).flat();
const batches = [1, 10, 100];

/** The total of an order is the sum of its lines, exactly. */
function addsUp(event: ShopEvent): boolean {
  if (event.eventType !== "order.created") return true;
  const { items, total } = event.data;
  return items.reduce((sum, { quantity, unitPrice }) => sum + BigInt(quantity) * unitPrice.amount, 0n) === total.amount;
}

test("[LT6] every event is valid by its schema without a warning, has the key that it says, and adds up", () => {
  const wrong = [1, 2, 977]
    .flatMap((user) => batches.flatMap((batch) => eventsOf(user, { batch, rounds: 2 })))
    .filter((event) => {
      const parsed = parseEvent(JSON.parse(event.text));
      if (parsed.kind !== "parsed" || parsed.warnings.length > 0 || Buffer.byteLength(event.key) > 128) return true;
      return parsed.key !== event.key || parsed.event.eventType !== event.eventType || !addsUp(parsed.event);
    });
  expect({ wrong, seed }).toEqual({ wrong: [], seed });
});

test("[LT6] the same seed gives the same events; another seed or user gives others", () => {
  const texts = (events: readonly Sent[]): string => events.map(({ text }) => text).join("\n");
  expect(texts(eventsOf(3))).toBe(texts(eventsOf(3)));
  expect(texts(eventsOf(3))).not.toBe(texts(eventsOf(3, { ofSeed: seed + 1 })));
  expect(texts(eventsOf(3)).replaceAll(/\br1[.-]3\b/g, "")).not.toBe(texts(eventsOf(4)).replaceAll(/\br1[.-]4\b/g, ""));
});

test("[LT6] a round's ids are those of their places, and a round makes the steps of the last one by other visitors", () => {
  for (const batch of batches) {
    const requests = requestsOfRound(batch);
    const events = eventsOf(7, { batch, rounds: 3 }).map(({ text }) => JSON.parse(text) as ShopEventText);
    const places = events.map(({ eventId }) => placeOf("r1", batch, eventId));
    expect(places).toEqual(events.map((_, n) => ({ user: 7, request: Math.floor(n / batch), index: n % batch })));
    const [first, second] = [0, 1].map((round) => events.slice(round * requests * batch, (round + 1) * requests * batch));
    expect(second!.map(({ data }) => data.sku)).toEqual(first!.map(({ data }) => data.sku));
    const visitors = new Set(first!.flatMap(({ metadata }) => [metadata.sessionId, metadata.userId ?? metadata.sessionId]));
    expect(second!.filter(({ metadata }) => visitors.has(metadata.sessionId) || visitors.has(metadata.userId ?? ""))).toEqual([]);
  }
});

test("[LT6] users begin at all places of their rounds", () => {
  for (const batch of [...batches, 273, 1000]) {
    const requests = requestsOfRound(batch);
    expect(new Set(Array.from({ length: requests }, (_, i) => firstRequestOf(i + 1, batch))).size).toBe(requests);
  }
});

test("[LT6] a shop's mix: mostly looks, some carts, about 8 of 100 are orders, all of them paid; keys of no two users meet", () => {
  for (const batch of batches) {
    const events = usersOf(batch === 100 ? 10 : 80, batch);
    const share = (type: string): number => events.filter(({ eventType }) => eventType === type).length / events.length;
    const shares = `SEED=${seed} ${batch}: ${["product.viewed", "cart.item_added", "order.created"].map(share).join(" ")}`;
    expect(share("product.viewed"), shares).toBeGreaterThan(0.4);
    expect(share("cart.item_added"), shares).toBeGreaterThan(0.2);
    expect(Math.abs(share("order.created") - ordersShare), shares).toBeLessThan(0.02);
    expect(share("payment.attempted")).toBe(share("order.created"));
  }
  const keys = new Set(eventsOf(1, { rounds: 5 }).map(({ key }) => key));
  expect(eventsOf(11, { rounds: 5 }).filter(({ key }) => keys.has(key))).toEqual([]);
});

test("[LT6] keys spread over the partitions", () => {
  const { partitions } = schemaOf("order.created");
  const orders = usersOf(150).filter(({ eventType }) => eventType === "order.created");
  const counts = Array.from(
    { length: partitions },
    (_, partition) => orders.filter(({ key }) => partitionOf(key, partitions) === partition).length,
  );
  expect(Math.max(...counts) / Math.min(...counts), `SEED=${seed} ${counts.join(" ")}`).toBeLessThan(1.7);
});

test("[LT6] all that there is to buy is bought, few articles most; half of the events are of a third of the visitors", () => {
  const parsed = usersOf(80).map(({ text }) => JSON.parse(text) as ShopEventText);
  const skus = countsOf(parsed.flatMap(({ data }) => data.sku ?? []));
  expect(skus.length).toBeGreaterThan(2300);
  expect(shareOfMost(skus, 0.1)).toBeGreaterThan(0.4);
  const visits = countsOf(parsed.map(({ metadata }) => metadata.sessionId));
  expect(shareOfMost(visits, 0.33)).toBeGreaterThan(0.5);
  const customers = new Set(parsed.map(({ metadata }) => metadata.userId));
  expect(customers.size).toBeGreaterThan(visits.length / 2);
});

type ShopEventText = {
  readonly eventId: string;
  readonly eventType: string;
  readonly data: { readonly sku?: string; readonly items?: readonly { readonly sku: string }[] };
  readonly metadata: { readonly sessionId: string; readonly userId?: string };
};

/** How often each is there, the most frequent first. */
function countsOf(names: readonly string[]): number[] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts.values()].toSorted((a, b) => b - a);
}

const sum = (counts: readonly number[]): number => counts.reduce((all, count) => all + count, 0);
const shareOfMost = (counts: readonly number[], share: number): number => sum(counts.slice(0, counts.length * share)) / sum(counts);

test("[LT9] a request says of its newest order by which event and article it can be asked for", () => {
  let made = 0;
  for (const batch of batches) {
    for (const { template, ordersBefore, orders, newest } of createRound({ run: "r1", seed, batch }, 1)) {
      const events = JSON.parse(template) as readonly ShopEventText[];
      const ordered = events.filter(({ eventType }) => eventType === "order.created");
      expect(orders - ordersBefore).toBe(ordered.length);
      if (ordered.length === 0) continue;
      made += ordered.length;
      expect(events[newest.index]).toBe(ordered.at(-1));
      expect(ordered.at(-1)!.data.items!.map(({ sku }) => sku)).toContain(`${newest.sku}`);
    }
  }
  expect(made).toBeGreaterThan(100);
});

test("[LT6] an id tells its place in the run, and only in its own", () => {
  const place = { user: 12, request: 3456, index: 9 };
  expect(eventIdOf("r1", 10, place)).toBe("r1.12.115-6.9");
  expect(placeOf("r1", 10, eventIdOf("r1", 10, place))).toEqual(place);
  const others = ["r1", "r1.12.115-6", "r12.12.115-6.9", "r1.12.115-6.9.1", "r1.12.x-6.9", "r1.12.115-6.10", "r1.12.115-30.9", ""];
  for (const id of others) expect(placeOf("r1", 10, id)).toBeUndefined();
});
