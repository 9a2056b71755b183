import { Buffer } from "node:buffer";
import { fieldTypeOf } from "./event-registry.ts";
import type { FieldType } from "./field-type.ts";
import { type Money, formatAmount, formatDecimal } from "./money.ts";
import type { ShopEvent } from "./shop-event.ts";
import { formatTimestamp } from "./timestamp.ts";

/** A decoded event as its JSON: money as decimal texts, times as RFC 3339 in UTC; what is null stays null. `parseEvent` reads it again. [E6] */
export function toJson(event: ShopEvent): Readonly<Record<string, unknown>> {
  return valueToJson(fieldTypeOf(event.eventType), event) as Readonly<Record<string, unknown>>;
}

/** A decoded value of a type as its JSON. Fields that are undefined, as in a projection, are left out. */
export function valueToJson(type: FieldType, value: unknown): unknown {
  switch (type.kind) {
    case "string":
    case "int":
    case "long":
    case "double":
    case "boolean":
      return value;
    case "timestamp":
      return formatTimestamp(value as number);
    case "decimal":
      return formatDecimal(value as bigint, type.scale);
    case "money": {
      const { amount, currency } = value as Money;
      return { amount: formatAmount(amount), currency };
    }
    case "bytes":
      return Buffer.from(value as Uint8Array).toString("base64");
    case "nullable":
      return value === null ? null : valueToJson(type.of, value);
    case "array":
      return (value as readonly unknown[]).map((item) => valueToJson(type.items, item));
    case "map":
      return Object.fromEntries(Object.entries(value as object).map(([key, entry]) => [key, valueToJson(type.values, entry)]));
    case "record": {
      const record = value as Readonly<Record<string, unknown>>;
      const json: Record<string, unknown> = {};
      for (const { name, type: of } of type.fields) if (record[name] !== undefined) json[name] = valueToJson(of, record[name]);
      return json;
    }
  }
}
