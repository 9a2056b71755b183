import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, expectTypeOf, test } from "vitest";
import { generateTypes } from "./generate-types.ts";
import type { Money } from "./money.ts";
import type { EventDraft, ShopEvent } from "./shop-event.ts";

test("[E8] the generated types are those of the schemas", () => {
  expect(readFileSync(join(import.meta.dirname, "events.generated.ts"), "utf8")).toBe(generateTypes());
});

test("[E8] an event's type follows from its event type", () => {
  expectTypeOf<ShopEvent<"order.created">["data"]["items"][number]["unitPrice"]>().toEqualTypeOf<Money>();
  expectTypeOf<ShopEvent<"order.created">["data"]["customerId"]>().toEqualTypeOf<string | null>();
  expectTypeOf<ShopEvent<"inventory.level">["eventType"]>().toEqualTypeOf<"inventory.level">();
  expectTypeOf<ShopEvent["timestamp"]>().toEqualTypeOf<number>();
  expectTypeOf<EventDraft<"order.created">["data"]["customerId"]>().toEqualTypeOf<string | null | undefined>();
});
