import { expect, expectTypeOf, test } from "vitest";
import { eventRegistry } from "../schemas/event-registry.ts";
import { generateClientTypes } from "../schemas/generate-client-types.ts";
import { exampleOf } from "../schemas/json/example.ts";
import { keyOf as doorKeyOf } from "../schemas/event-key.ts";
import { parseEvent } from "../schemas/parse-event.ts";
import { readFileSync } from "node:fs";
import { keyOf } from "./event-key.ts";
import { type EventData, type EventType, MillraceClient, type Receipt } from "./mod.ts";

const unitPrice = { amount: "10.95", currency: "GBP" };
const order = {
  orderId: "o-1",
  items: [{ sku: "a", quantity: 1, unitPrice }],
  total: unitPrice,
  shippingAddress: { country: "Eire" },
  paymentMethod: { type: "card" },
};

/** Never called: what compiles here, and what does not, is the test; `npm run check` runs it. */
export async function compiles(client: MillraceClient): Promise<void> {
  await client.send("order.created", order);
  await client.send("order.created", { ...order, customerId: null }, { timestamp: new Date(), metadata: { sessionId: "s" } });
  await client.send("order.shipped", {
    orderId: "o",
    carrier: "DHL",
    trackingNumber: "1",
    estimatedDelivery: new Date(),
  } as EventData["order.shipped"]);
  await client.send("cart.item_added", { cartId: "c", sku: "a", quantity: 1, unitPrice }, { metadata: { sessionId: "s" } });

  // @ts-expect-error -- a misspelt field
  await client.send("cart.item_added", { cartId: "c", sku: "a", quantty: 1, unitPrice }, { metadata: { sessionId: "s" } });
  // @ts-expect-error -- a field too many, deep inside
  await client.send("order.created", { ...order, items: [{ sku: "a", quantity: 1, unitPrice, colour: "red" }] });
  // @ts-expect-error -- a field of the wrong type
  await client.send("inventory.received", { sku: "a", quantity: "1" });
  // @ts-expect-error -- a field that is missing
  await client.send("inventory.received", { sku: "a" });
  // @ts-expect-error -- a misspelt event type
  await client.send("order.creatd", order);
  // @ts-expect-error -- an event that is keyed by its session, without one
  await client.send("cart.item_added", { cartId: "c", sku: "a", quantity: 1, unitPrice });
  // @ts-expect-error -- with one that may be null
  await client.send("product.viewed", { sku: "a" }, { metadata: { sessionId: null } });
  // @ts-expect-error -- the only field of the key may not be null
  await client.send("payment.attempted", { paymentId: "p", orderId: "o", cardId: null, amount: unitPrice });
  // @ts-expect-error -- a value that is none of those allowed
  await client.send("notification.requested", { recipient: "r", channel: "pigeon", template: "t" });
  // @ts-expect-error -- an option that does not exist
  await client.send("order.created", order, { eventID: "x" });
}

test("[N8] what is sent and what comes back is typed by the schemas", () => {
  expectTypeOf<keyof EventData>().toEqualTypeOf<EventType>();
  expectTypeOf<Awaited<ReturnType<MillraceClient["send"]>>>().toEqualTypeOf<Receipt>();
  expectTypeOf<EventData["order.created"]["items"][number]["quantity"]>().toEqualTypeOf<number>();
  expectTypeOf<EventData["cart.abandoned"]["lastActivity"]>().toEqualTypeOf<Date | string | null | undefined>();
});

test("[N8] the generated types are those of the schemas", () => {
  expect(readFileSync(new URL("./events.generated.ts", import.meta.url), "utf8")).toBe(generateClientTypes());
});

test.each(eventRegistry.map(({ eventType }) => eventType))("[N5] the key of %s is the one by which it is stored", (eventType) => {
  const example = exampleOf(eventType);
  for (const event of [
    example,
    { ...example, metadata: { sessionId: "z" } },
    { ...example, data: { ...(example["data"] as object), customerId: null } },
  ]) {
    const parsed = parseEvent(event);
    if (parsed.kind === "parsed") expect(keyOf(eventType, event)).toBe(doorKeyOf(parsed.event));
  }
});
