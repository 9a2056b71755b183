import { expect, test } from "vitest";
import { partitionOf } from "@millrace/engine";
import { schemaOf } from "#schemas/event-registry.ts";
import { parseEvent } from "#schemas/parse-event.ts";
import type { ShopEvent } from "#schemas/shop-event.ts";
import { testSeed } from "#schemas/testing/seeded-random.ts";
import { eventIdOf, placeOf } from "./event-id.ts";
import { ordersShare } from "./k6/options-for.ts";
import { createShopper, type MadeEvent } from "./shopper.ts";

const seed = testSeed();
const timestamp = "2026-11-20T09:00:00.000Z";
const eventsOf = (user: number, count: number, ofSeed = seed): (MadeEvent & { readonly text: string })[] => {
  const { next, last } = createShopper({ run: "r1", seed: ofSeed, user });
  return Array.from({ length: count }, (_, request) => {
    const text = next(eventIdOf("r1", { user, request, index: 0 }), timestamp);
    return { text, ...last() };
  });
};

/** The total of an order is the sum of its lines, exactly. */
function addsUp(event: ShopEvent): boolean {
  if (event.eventType !== "order.created") return true;
  const { items, total } = event.data;
  return items.reduce((sum, { quantity, unitPrice }) => sum + BigInt(quantity) * unitPrice.amount, 0n) === total.amount;
}

test("[LT6] every event is valid by its schema without a warning, has the key that it says, and adds up", () => {
  const wrong = [1, 2, 977]
    .flatMap((user) => eventsOf(user, 1500))
    .filter((event) => {
      const parsed = parseEvent(JSON.parse(event.text));
      if (parsed.kind !== "parsed" || parsed.warnings.length > 0 || Buffer.byteLength(event.key) > 128) return true;
      return parsed.key !== event.key || parsed.event.eventType !== event.eventType || !addsUp(parsed.event);
    });
  expect({ wrong, seed }).toEqual({ wrong: [], seed });
});

test("[LT6] the same seed gives the same events; another seed or user gives others", () => {
  const texts = (events: readonly { readonly text: string }[]): string => events.map(({ text }) => text).join("\n");
  expect(texts(eventsOf(3, 500))).toBe(texts(eventsOf(3, 500)));
  expect(texts(eventsOf(3, 500))).not.toBe(texts(eventsOf(3, 500, seed + 1)));
  expect(texts(eventsOf(3, 500)).replaceAll(/\br1[.-]3\b/g, "")).not.toBe(texts(eventsOf(4, 500)).replaceAll(/\br1[.-]4\b/g, ""));
});

test("[LT6] a shop's mix: mostly looks, some carts, about 8 of 100 are orders, nearly all of them paid; keys of no two users meet", () => {
  const events = eventsOf(1, 20_000);
  const share = (type: string): number => events.filter(({ eventType }) => eventType === type).length / events.length;
  expect(share("product.viewed")).toBeGreaterThan(0.4);
  expect(share("cart.item_added")).toBeGreaterThan(0.2);
  expect(Math.abs(share("order.created") - ordersShare)).toBeLessThan(0.02);
  expect(share("payment.attempted") / share("order.created")).toBeGreaterThan(0.97);
  const keys = new Set(events.map(({ key }) => key));
  expect(eventsOf(11, 5000).filter(({ key }) => keys.has(key))).toEqual([]);
});

test("[LT6] keys spread over the partitions", () => {
  const { partitions } = schemaOf("order.created");
  const orders = Array.from({ length: 20 }, (_, i) => eventsOf(i + 1, 2000))
    .flat()
    .filter(({ eventType }) => eventType === "order.created");
  const counts = Array.from(
    { length: partitions },
    (_, partition) => orders.filter(({ key }) => partitionOf(key, partitions) === partition).length,
  );
  expect(Math.max(...counts) / Math.min(...counts), `SEED=${seed} ${counts.join(" ")}`).toBeLessThan(1.7);
});

test("[LT6] all that there is to buy is bought, few articles most; half of the events are of a third of the visitors", () => {
  const parsed = [1, 2, 3].flatMap((user) => eventsOf(user, 8000)).map(({ text }) => JSON.parse(text) as ShopEventText);
  const skus = countsOf(parsed.flatMap(({ data }) => data.sku ?? []));
  expect(skus.length).toBeGreaterThan(2300);
  expect(shareOfMost(skus, 0.1)).toBeGreaterThan(0.4);
  const visits = countsOf(parsed.map(({ metadata }) => metadata.sessionId));
  expect(shareOfMost(visits, 0.33)).toBeGreaterThan(0.5);
  const customers = new Set(parsed.map(({ metadata }) => metadata.userId));
  expect(customers.size).toBeGreaterThan(visits.length / 2);
});

type ShopEventText = {
  readonly data: { readonly sku?: string };
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

test("[LT9] a shopper says of its newest order by which event and article it can be asked for", () => {
  const { next, last, orders } = createShopper({ run: "r1", seed, user: 1 });
  let made = 0;
  for (let request = 0; request < 2000; request++) {
    const eventId = eventIdOf("r1", { user: 1, request, index: 3 });
    const { data } = JSON.parse(next(eventId, timestamp)) as { readonly data: { readonly items?: readonly { readonly sku: string }[] } };
    if (last().eventType !== "order.created") continue;
    expect(orders).toMatchObject({ count: ++made, eventId });
    expect(data.items!.map(({ sku }) => sku)).toContain(String(orders.sku));
  }
  expect(made).toBeGreaterThan(100);
});

test("[LT6] an id tells its place in the run, and only in its own", () => {
  const place = { user: 12, request: 3456, index: 99 };
  expect(placeOf("r1", eventIdOf("r1", place))).toEqual(place);
  for (const id of ["r1", "r1.12.3456", "r12.12.3456.99", "r1.12.3456.99.1", "r1.12.x.99", ""]) expect(placeOf("r1", id)).toBeUndefined();
});
