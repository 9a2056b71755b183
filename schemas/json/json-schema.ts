import { releasedSchemasOf, schemaOf } from "../event-registry.ts";
import { type EventSchema, versionOf } from "../event-schema.ts";
import type { EventType } from "../event-types.ts";
import { fieldAt, type FieldType, forbiddenNames, type RecordField, type RecordType } from "../field-type.ts";
import { currencyCodes } from "../money.ts";
import { exampleOf } from "./example.ts";
import { base64Pattern, decimalPattern, eventIdPattern, keyPattern, semverPattern, timePattern } from "./text-patterns.ts";

/** A JSON Schema, draft 2020-12. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** Records, money and names that several schemas speak of, by name; gathered while schemas are made. */
export class Definitions {
  readonly schemas: Record<string, JsonSchema> = {};
  readonly #base: string;

  /** `base`: where they will stand, `#/$defs/`. */
  constructor(base: string) {
    this.#base = base;
  }

  refTo(name: string, make: () => JsonSchema): JsonSchema {
    if (this.schemas[name] === undefined) {
      this.schemas[name] = {};
      this.schemas[name] = make();
    }
    return { $ref: `${this.#base}${name}` };
  }
}

/** What `parseEvent` takes for an event type in its current major version, as one self-contained JSON Schema with an example that it accepts. [E12] */
export const jsonSchemaOf = (eventType: EventType): JsonSchema => jsonSchemaOfVersion(schemaOf(eventType));

/** The same of any version: all versions of one major have the same, but for what was added since. */
export function jsonSchemaOfVersion(version: EventSchema): JsonSchema {
  const definitions = new Definitions("#/$defs/");
  const schema = eventSchemaOf(version, definitions);
  return { $schema: "https://json-schema.org/draft/2020-12/schema", ...schema, $defs: definitions.schemas };
}

/** The same with what it shares with others in `definitions`. */
export function eventSchemaOf(schema: EventSchema, definitions: Definitions): JsonSchema {
  const { eventType, version, topic, type } = schema;
  const { properties, ...record } = recordSchema(type, definitions);
  const versions = { type: "string", enum: versionsOf(schema), description: "Version of the event's schema." };
  return {
    title: eventType,
    ...record,
    properties: { ...(properties as object), eventVersion: versions },
    ...keyCondition(schema),
    ...(schemaOf(eventType).version === version ? { examples: [exampleOf(eventType)] } : {}),
    "x-version": version,
    "x-topic": topic,
  };
}

/** Versions that are read by the rules of the current one. */
function versionsOf(schema: EventSchema): readonly string[] {
  const [major] = versionOf(schema);
  const known = [...releasedSchemasOf(schema.eventType), schemaOf(schema.eventType)].filter((one) => versionOf(one)[0] === major);
  return [...new Set(known.map(({ version }) => version))];
}

/** One of the fields that the key is taken from has a value, unless one of them always has. */
function keyCondition({ key, type }: EventSchema): JsonSchema {
  const paths = key.map((rule) => rule.replace(/^.*\{|\}$/g, "").split("."));
  const isAlwaysThere = (path: readonly string[]): boolean =>
    path.every((_, i) => {
      const field = fieldAt(type, path.slice(0, i + 1));
      return field !== undefined && field.type.kind !== "nullable" && field.default === undefined;
    });
  return paths.some(isAlwaysThere) ? {} : { anyOf: paths.map(hasText), $comment: "Its key must have a value." };
}

function hasText([name, ...rest]: readonly string[]): JsonSchema {
  return { required: [name], properties: { [name!]: rest.length === 0 ? { type: "string" } : hasText(rest) } };
}

/** The JSON Schema of a value of any type. */
export function schemaOfType(type: FieldType, definitions: Definitions): JsonSchema {
  switch (type.kind) {
    case "string":
      return type.format === "key" ? definitions.refTo("Key", keySchema) : stringSchema(type);
    case "int":
    case "long":
    case "double":
      return numberSchema(type);
    case "boolean":
      return { type: "boolean" };
    case "timestamp":
      return definitions.refTo("Time", timeSchema);
    case "bytes":
      return { type: "string", contentEncoding: "base64", pattern: base64Pattern };
    case "decimal":
      return decimalSchema(type);
    case "money":
      return moneySchema(type.minimum, definitions);
    case "nullable":
      return { anyOf: [schemaOfType(type.of, definitions), { type: "null" }] };
    case "array":
      return {
        type: "array",
        items: schemaOfType(type.items, definitions),
        ...(type.minItems === undefined ? {} : { minItems: type.minItems }),
        ...(type.maxItems === undefined ? {} : { maxItems: type.maxItems }),
      };
    case "map":
      return {
        type: "object",
        additionalProperties: schemaOfType(type.values, definitions),
        propertyNames: { maxLength: 128, ...fieldNames(definitions) },
        ...(type.maxItems === undefined ? {} : { maxProperties: type.maxItems }),
      };
    case "record":
      return definitions.refTo(type.name, () => recordSchema(type, definitions));
  }
}

const keySchema = (): JsonSchema => ({ type: "string", pattern: keyPattern, description: "Visible text of 1 to 128 bytes, taken in NFC." });

const timeSchema = (): JsonSchema => ({
  type: "string",
  format: "date-time",
  pattern: timePattern,
  maxLength: 40,
  description: "A time of RFC 3339 with its zone; no leap seconds.",
});

type OfKind<K extends FieldType["kind"]> = Extract<FieldType, { kind: K }>;

const formats = { "event-id": eventIdPattern, semver: semverPattern, key: undefined } as const;

function stringSchema(type: OfKind<"string">): JsonSchema {
  if (type.oneOf !== undefined) return { type: "string", enum: type.oneOf };
  const pattern = type.pattern === undefined ? type.format && formats[type.format] : `^(?:${type.pattern})$`;
  return {
    type: "string",
    ...(pattern === undefined ? {} : { pattern }),
    ...(type.minLength === undefined ? {} : { minLength: type.minLength }),
    ...(type.format === undefined ? { maxLength: type.maxLength ?? 16_384 } : {}),
  };
}

function numberSchema(type: OfKind<"int" | "long" | "double">): JsonSchema {
  const [least, most] =
    type.kind === "int"
      ? [-2_147_483_648, 2_147_483_647]
      : type.kind === "long"
        ? [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]
        : [undefined, undefined];
  const [minimum, maximum] = [type.minimum ?? least, type.maximum ?? most];
  return {
    type: type.kind === "double" ? "number" : "integer",
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
    ...(type.nonZero === true ? { not: { const: 0 } } : {}),
  };
}

function decimalSchema({ precision, scale, minimum }: Omit<OfKind<"decimal">, "kind">): JsonSchema {
  const bound = 10 ** (precision - scale);
  const isPositive = minimum !== undefined && minimum >= 0;
  const text = { type: "string", pattern: decimalPattern({ precision, scale, negative: !isPositive }) };
  const number = { type: "number", ...(minimum === undefined ? { exclusiveMinimum: -bound } : { minimum }), exclusiveMaximum: bound };
  const words = `A decimal of at most ${scale} places${minimum === undefined ? "" : `, at least ${minimum}`}: as text, or as a number that is written so.`;
  return { anyOf: [text, number], description: words };
}

function moneySchema(minimum: number | undefined, definitions: Definitions): JsonSchema {
  const amount = decimalSchema({ precision: 18, scale: 4, ...(minimum === undefined ? {} : { minimum }) });
  return definitions.refTo(minimum === undefined ? "Money" : minimum === 0 ? "Price" : `MoneyFrom${minimum}`, () => ({
    type: "object",
    description: minimum === undefined ? "An amount with its currency." : `An amount with its currency, at least ${minimum}.`,
    properties: { amount, currency: definitions.refTo("Currency", currency) },
    required: ["amount", "currency"],
    propertyNames: fieldNames(definitions),
  }));
}

const currency = (): JsonSchema => ({ type: "string", description: "ISO 4217 code.", enum: currencyCodes() });

const fieldNames = (definitions: Definitions): JsonSchema =>
  definitions.refTo("FieldName", () => ({
    description: "Unknown fields are told and not kept; names that mean something to JavaScript's objects are refused.",
    not: { enum: [...forbiddenNames] },
  }));

function recordSchema(type: RecordType, definitions: Definitions): JsonSchema {
  return {
    type: "object",
    ...(type.doc === undefined ? {} : { description: type.doc }),
    properties: Object.fromEntries(type.fields.map((field) => [field.name, fieldSchema(field, definitions)])),
    required: type.fields.filter((field) => field.default === undefined && field.type.kind !== "nullable").map(({ name }) => name),
    propertyNames: fieldNames(definitions),
  };
}

function fieldSchema(field: RecordField, definitions: Definitions): JsonSchema {
  // What the event is about stands in its own schema, where people look for it.
  const isData = field.name === "data" && field.type.kind === "record";
  return {
    ...(isData ? recordSchema(field.type as RecordType, definitions) : schemaOfType(field.type, definitions)),
    ...(field.doc === undefined ? {} : { description: field.doc }),
    ...(field.default === undefined ? {} : { default: field.default }),
    ...(field.example === undefined ? {} : { examples: [field.example] }),
    ...(field.deprecated === undefined ? {} : { deprecated: true }),
  };
}
