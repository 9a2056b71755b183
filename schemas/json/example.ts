import { fieldTypeOf, schemaOf } from "../event-registry.ts";
import type { EventType } from "../event-types.ts";
import type { FieldType } from "../field-type.ts";

/** An event of the type as a client would post it, made of the examples of its fields; its id is no other example's. [E12] */
export function exampleOf(eventType: EventType): Readonly<Record<string, unknown>> {
  const { version, schemaId } = schemaOf(eventType);
  const event = exampleValue(fieldTypeOf(eventType)) as Readonly<Record<string, unknown>>;
  const eventId = `01938b2e-7c00-7000-8000-${String(schemaId).padStart(12, "0")}`;
  return { ...event, eventId, eventType, eventVersion: version };
}

function exampleValue(type: FieldType): unknown {
  switch (type.kind) {
    case "string":
      return type.oneOf?.[0] ?? (type.format === "semver" ? "1.0.0" : "text");
    case "int":
    case "long":
    case "double":
      return Math.max(type.minimum ?? 1, 1);
    case "boolean":
      return true;
    case "timestamp":
      return "2026-11-21T09:00:01.250Z";
    case "bytes":
      return "AAE=";
    case "decimal":
      return "2.55";
    case "money":
      return { amount: "15.30", currency: "GBP" };
    case "nullable":
      return exampleValue(type.of);
    case "array":
      return [exampleValue(type.items)];
    case "map":
      return {};
    case "record":
      return Object.fromEntries(type.fields.map((field) => [field.name, field.example ?? exampleValue(field.type)]));
  }
}
