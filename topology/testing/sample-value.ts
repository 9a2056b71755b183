import { schemaOf } from "#schemas/event-registry.ts";
import { parseEvent } from "#schemas/parse-event.ts";
import type { EventType } from "#schemas/event-types.ts";
import type { FieldType, RecordField, RecordType } from "#schemas/field-type.ts";
import { parseAmount, parseDecimal } from "#schemas/money.ts";
import type { ShopEvent } from "#schemas/shop-event.ts";
import { formatTimestamp, parseTimestamp } from "#schemas/timestamp.ts";

type Json = Readonly<Record<string, unknown>>;

/** Currency of an amount that is given without one. */
const testCurrency = "GBP";

/** An event of a type from the fields that a test cares for; the others take the examples of the schema. Answers what is wrong as text. */
export function sampleEvent(
  eventType: EventType,
  given: Json,
  { id, atMs }: { id: string; atMs: number },
): { readonly event: ShopEvent; readonly key: string } | string {
  const schema = schemaOf(eventType);
  const envelope = { eventId: id, eventType, eventVersion: schema.version, source: "test", timestamp: formatTimestamp(atMs), ...given };
  const data = schema.type.fields.find(({ name }) => name === "data")!;
  const parsed = parseEvent({ ...envelope, data: filled(data, given["data"] ?? {}) });
  // A test means every field that it names.
  const unknown = parsed.warnings.filter(({ code }) => code === "unknown_field");
  if (parsed.kind === "parsed" && unknown.length === 0) return parsed;
  const problems = parsed.kind === "parsed" ? unknown : parsed.problems;
  return problems.map(({ pointer, expected, detail }) => `${pointer}: ${detail} (${expected})`).join("; ");
}

/** A record of the topology's own from the fields that a test cares for. */
export const sampleRecord = (type: RecordType, given: Json): unknown => valueFromPlain(type, filled({ name: "", type }, given));

/** The value with what it lacks: examples of the schema for required fields, a currency for amounts. */
function filled({ type, example, default: byDefault }: RecordField, value: unknown): unknown {
  if (type.kind === "nullable") return value === undefined || value === null ? value : filled({ name: "", type: type.of }, value);
  if (type.kind === "record" && (value === undefined || isMap(value))) {
    const given = (value ?? {}) as Json;
    const known = type.fields.flatMap((field) => {
      const one = filled(field, given[field.name]);
      return one === undefined ? [] : [[field.name, one] as const];
    });
    // Unknown fields stay, so that they are told.
    return { ...given, ...Object.fromEntries(known) };
  }
  if (type.kind === "money" && (typeof value === "string" || typeof value === "number")) return { amount: value, currency: testCurrency };
  if (type.kind === "array" && Array.isArray(value)) return value.map((item) => filled({ name: "", type: type.items }, item));
  if (value !== undefined || byDefault !== undefined) return value;
  return example ?? sampleOf(type);
}

const isMap = (value: unknown): boolean => typeof value === "object" && value !== null && !Array.isArray(value);

function sampleOf(type: FieldType): unknown {
  if (type.kind === "money") return { amount: "1.00", currency: testCurrency };
  if (type.kind === "string") return type.oneOf?.[0] ?? "x";
  if (type.kind === "timestamp") return formatTimestamp(0);
  if (type.kind === "array") return (type.minItems ?? 0) > 0 ? [filled({ name: "", type: type.items }, undefined)] : [];
  return type.kind === "boolean" ? false : type.kind === "map" ? {} : 1;
}

/** A record of the topology's own topics from plain values; undefined for a value that is none of its type. */
function valueFromPlain(type: FieldType, value: unknown): unknown {
  switch (type.kind) {
    case "nullable":
      return value === undefined || value === null ? null : valueFromPlain(type.of, value);
    case "money": {
      const { amount, currency } = isMap(value)
        ? (value as { amount: string; currency: string })
        : { amount: String(value as string), currency: testCurrency };
      const parsed = parseAmount(amount);
      return typeof parsed === "bigint" ? { amount: parsed, currency } : undefined;
    }
    case "decimal": {
      const parsed = parseDecimal(String(value as string), type.scale, type.precision);
      return typeof parsed === "bigint" ? parsed : undefined;
    }
    case "timestamp":
      return typeof value === "string" ? parseTimestamp(value) : value;
    case "bytes":
      return typeof value === "string" ? Buffer.from(value, "base64") : undefined;
    case "array":
      return Array.isArray(value) ? value.map((item) => valueFromPlain(type.items, item)) : undefined;
    case "map":
      return isMap(value)
        ? Object.fromEntries(Object.entries(value as Json).map(([key, one]) => [key, valueFromPlain(type.values, one)]))
        : undefined;
    case "record":
      return isMap(value)
        ? Object.fromEntries(type.fields.map((field) => [field.name, valueFromPlain(field.type, (value as Json)[field.name])]))
        : undefined;
    case "string":
    case "int":
    case "long":
    case "double":
    case "boolean":
      return value;
  }
}
