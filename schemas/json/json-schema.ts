import { fieldTypeOf, schemaOf } from "../event-registry.ts";
import type { EventType } from "../event-types.ts";
import type { FieldType, RecordField, RecordType } from "../field-type.ts";

/** A JSON Schema, draft 2020-12. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** What `parseEvent` takes for an event type, as JSON Schema, with an example that it accepts. */
export function jsonSchemaOf(eventType: EventType): JsonSchema {
  const { version, topic } = schemaOf(eventType);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: eventType,
    ...schemaOfType(fieldTypeOf(eventType)),
    examples: [exampleOf(eventType)],
    "x-version": version,
    "x-topic": topic,
  };
}

/** An event of the type as a client would post it, made of the examples of its fields. */
export function exampleOf(eventType: EventType): Readonly<Record<string, unknown>> {
  const { version } = schemaOf(eventType);
  return { ...(exampleValue(fieldTypeOf(eventType)) as Readonly<Record<string, unknown>>), eventType, eventVersion: version };
}

const amount = { type: ["string", "number"], pattern: "^-?(0|[1-9][0-9]{0,13})(\\.[0-9]{1,4})?$" } as const;
const formats = { "event-id": "^[A-Za-z0-9._:-]{1,64}$", key: "^.{1,128}$", semver: "^[0-9]+\\.[0-9]+\\.[0-9]+$" } as const;

/** The JSON Schema of a value of any type. */
export function schemaOfType(type: FieldType): JsonSchema {
  switch (type.kind) {
    case "string":
      return {
        type: "string",
        ...(type.format === undefined ? {} : { pattern: formats[type.format] }),
        ...(type.pattern === undefined ? {} : { pattern: `^(?:${type.pattern})$` }),
        ...(type.oneOf === undefined ? {} : { enum: type.oneOf }),
        ...(type.minLength === undefined ? {} : { minLength: type.minLength }),
        maxLength: type.maxLength ?? (type.format === "key" ? 128 : 16_384),
      };
    case "int":
    case "long":
    case "double": {
      const bound = type.kind === "int" ? 2_147_483_647 : Number.MAX_SAFE_INTEGER;
      const range = type.kind === "double" ? {} : { minimum: type.minimum ?? -bound, maximum: type.maximum ?? bound };
      return { type: type.kind === "double" ? "number" : "integer", ...range, ...(type.nonZero === true ? { not: { const: 0 } } : {}) };
    }
    case "boolean":
      return { type: "boolean" };
    case "timestamp":
      return { type: "string", format: "date-time" };
    case "bytes":
      return { type: "string", contentEncoding: "base64" };
    case "decimal":
      return amount;
    case "money":
      return {
        type: "object",
        properties: {
          amount: { ...amount, description: `A decimal of at most four places${type.minimum === undefined ? "" : `, ≥ ${type.minimum}`}.` },
          currency: { type: "string", pattern: "^[A-Z]{3}$", description: "ISO 4217 code." },
        },
        required: ["amount", "currency"],
      };
    case "nullable":
      return { anyOf: [schemaOfType(type.of), { type: "null" }] };
    case "array":
      return {
        type: "array",
        items: schemaOfType(type.items),
        ...(type.minItems === undefined ? {} : { minItems: type.minItems }),
        ...(type.maxItems === undefined ? {} : { maxItems: type.maxItems }),
      };
    case "map":
      return { type: "object", additionalProperties: schemaOfType(type.values) };
    case "record":
      return schemaOfRecord(type);
  }
}

function schemaOfRecord(type: RecordType): JsonSchema {
  return {
    type: "object",
    ...(type.doc === undefined ? {} : { description: type.doc }),
    properties: Object.fromEntries(type.fields.map((field) => [field.name, schemaOfField(field)])),
    required: type.fields.filter((field) => field.default === undefined && field.type.kind !== "nullable").map(({ name }) => name),
  };
}

function schemaOfField(field: RecordField): JsonSchema {
  return {
    ...schemaOfType(field.type),
    ...(field.doc === undefined ? {} : { description: field.doc }),
    ...(field.default === undefined ? {} : { default: field.default }),
    ...(field.deprecated === undefined ? {} : { deprecated: true }),
  };
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
