import { expect, test } from "vitest";
import { eventTypes } from "../event-types.ts";
import { parseEvent } from "../parse-event.ts";
import { exampleOf } from "./example.ts";
import { jsonSchemaOf } from "./json-schema.ts";

test.each(eventTypes)("[E12] the example of %s is accepted without a warning", (eventType) => {
  expect(parseEvent(exampleOf(eventType))).toMatchObject({ kind: "parsed", warnings: [] });
});

test.each(eventTypes)("[E12] the JSON Schema of %s describes every field and requires what parseEvent requires", (eventType) => {
  const schema = jsonSchemaOf(eventType) as {
    required: string[];
    properties: { data: { required: string[]; properties: Record<string, { description?: string }> } };
  };
  const example = exampleOf(eventType) as { data: Record<string, unknown> };
  for (const [name, { description }] of Object.entries(schema.properties.data.properties)) {
    expect(description, name).toMatch(/\.$/);
    const without = { ...example, data: Object.fromEntries(Object.entries(example.data).filter(([each]) => each !== name)) };
    expect(parseEvent(without).kind === "invalid", name).toBe(schema.properties.data.required.includes(name));
  }
});

test("[E12] the total of an example order is the sum of its lines", () => {
  const parsed = parseEvent(exampleOf("order.created"));
  if (parsed.kind !== "parsed" || parsed.event.eventType !== "order.created") throw new Error("no order");
  const { items, total } = parsed.event.data;
  expect(items.reduce((sum, item) => sum + BigInt(item.quantity) * item.unitPrice.amount, 0n)).toBe(total.amount);
});

test("[E12] the text of a JSON Schema has its keywords", () => {
  expect(jsonSchemaOf("inventory.adjusted")).toMatchObject({
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "inventory.adjusted",
    required: ["eventId", "eventType", "eventVersion", "source", "timestamp", "data"],
    properties: {
      eventType: { enum: ["inventory.adjusted"] },
      timestamp: { $ref: "#/$defs/Time" },
      correlationId: { anyOf: [{ $ref: "#/$defs/Key" }, { type: "null" }] },
      data: { properties: { delta: { type: "integer", not: { const: 0 } } } },
    },
    $defs: { Time: { type: "string", format: "date-time" }, Key: { type: "string" }, Metadata: { type: "object" } },
    "x-version": "1.0.0",
    "x-topic": "business.inventory.adjusted",
  });
});
