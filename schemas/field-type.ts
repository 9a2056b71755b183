import {
  type AvroField,
  type AvroLogical,
  type AvroPrimitive,
  type AvroRecord,
  type AvroSchema,
  type DefaultValue,
  type StringFormat,
  constraintAttributes,
} from "./avro-schema.ts";
import { moneyPrecision, moneyScale } from "./money.ts";
import { SchemaError } from "./schema-error.ts";

/**
 * What a value is, from which everything else is made: Avro schema, codec, JSON validator, TypeScript type, JSON Schema, types of expressions.
 * Values in the engine: `int`, `long` (safe), `double` and `timestamp` (ms) are numbers, `decimal` a bigint of `10^-scale`, `money`
 * `{amount, currency}` with `amount` a bigint in 1/10,000, `bytes` a Uint8Array, `map` a plain object, `nullable` the value or null.
 */
export type FieldType =
  | ({ readonly kind: "string" } & StringConstraints)
  | ({ readonly kind: "int" | "long" | "double" } & NumberConstraints)
  | { readonly kind: "boolean" | "timestamp" | "bytes" }
  | { readonly kind: "decimal"; readonly precision: number; readonly scale: number; readonly minimum?: number }
  | { readonly kind: "money"; readonly minimum?: number }
  | RecordType
  | { readonly kind: "array"; readonly items: FieldType; readonly minItems?: number; readonly maxItems?: number }
  | { readonly kind: "map"; readonly values: FieldType; readonly maxItems?: number }
  | { readonly kind: "nullable"; readonly of: FieldType };

export type FieldKind = FieldType["kind"];
export type RecordType = { readonly kind: "record"; readonly name: string; readonly doc?: string; readonly fields: readonly RecordField[] };

export type RecordField = {
  readonly name: string;
  readonly type: FieldType;
  readonly doc?: string;
  /** Used when the field is absent, in JSON and in bytes of an older version. Nullable fields are absent as null without one. */
  readonly default?: DefaultValue;
  /** Earlier names of this field. */
  readonly aliases?: readonly string[];
  /** What to use instead. */
  readonly deprecated?: string;
  /** Says something about a person. */
  readonly pii?: boolean;
  readonly example?: unknown;
};

export type StringConstraints = {
  readonly format?: StringFormat;
  readonly pattern?: string;
  readonly oneOf?: readonly string[];
  readonly minLength?: number;
  readonly maxLength?: number;
};
export type NumberConstraints = { readonly minimum?: number; readonly maximum?: number; readonly nonZero?: boolean };

/** The field at a path of a record (`data.items`), through nullable, or nothing. */
export function fieldAt(type: FieldType, path: readonly string[]): RecordField | undefined {
  let at: FieldType = type;
  let found: RecordField | undefined;
  for (const name of path) {
    while (at.kind === "nullable" || at.kind === "array") at = at.kind === "nullable" ? at.of : at.items;
    if (at.kind !== "record") return undefined;
    found = at.fields.find((field) => field.name === name);
    if (found === undefined) return undefined;
    at = found.type;
  }
  return found;
}

const amountSchema = { type: "bytes", logicalType: "decimal", precision: moneyPrecision, scale: moneyScale } as const;
const moneyDoc = "An amount with its currency.";

/** The Avro schema of a type; equal types give equal schemas. @throws {SchemaError} `SCHEMA_INVALID` for two records of one name */
export function toAvro(type: FieldType): AvroSchema {
  return writeSchema(type, new Map());
}

function writeSchema(type: FieldType, named: Map<string, RecordType | "money">): AvroSchema {
  switch (type.kind) {
    case "string":
    case "int":
    case "long":
    case "double":
    case "boolean":
    case "bytes":
      return type.kind;
    case "timestamp":
      return { type: "long", logicalType: "timestamp-millis" };
    case "decimal":
      return { type: "bytes", logicalType: "decimal", precision: type.precision, scale: type.scale };
    case "money": {
      if (named.get("Money") === "money") return "Money";
      if (named.has("Money")) throw new SchemaError("SCHEMA_INVALID", `two different records are named "Money"`);
      named.set("Money", "money");
      return {
        type: "record",
        name: "Money",
        doc: moneyDoc,
        fields: [
          { name: "amount", type: amountSchema },
          { name: "currency", type: "string" },
        ],
      };
    }
    case "array":
      return { type: "array", items: writeSchema(type.items, named) };
    case "map":
      return { type: "map", values: writeSchema(type.values, named) };
    case "nullable":
      return ["null", writeSchema(type.of, named)];
    case "record": {
      const same = named.get(type.name);
      if (same !== undefined) {
        if (same !== type && JSON.stringify(same) !== JSON.stringify(type)) {
          throw new SchemaError("SCHEMA_INVALID", `two different records are named "${type.name}"`);
        }
        return type.name;
      }
      named.set(type.name, type);
      return {
        type: "record",
        name: type.name,
        ...(type.doc === undefined ? {} : { doc: type.doc }),
        fields: type.fields.map((field) => writeField(field, named)),
      };
    }
  }
}

function writeField(field: RecordField, named: Map<string, RecordType | "money">): AvroField {
  const { name: fieldName, type, ...attributes } = field;
  const constrained = type.kind === "nullable" ? type.of : type;
  const constraints: Record<string, unknown> = {};
  for (const name of constraintAttributes[constrained.kind]) {
    const value = (constrained as Readonly<Record<string, unknown>>)[name];
    if (value !== undefined) constraints[name] = value;
  }
  // Avro lets a reader without a default refuse older data: null is ours for every nullable field.
  const nullDefault = type.kind === "nullable" && field.default === undefined ? { default: null } : {};
  return { name: fieldName, type: writeSchema(type, named), ...nullDefault, ...constraints, ...attributes };
}

const namePattern = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
/** Names that mean something to JavaScript's objects: no field and no key of a JSON object has one. [E3] */
export const forbiddenNames: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

/** The type that an Avro schema describes; `named` knows records defined elsewhere. @throws {SchemaError} `SCHEMA_INVALID` */
export function fromAvro(schema: AvroSchema, named: ReadonlyMap<string, FieldType> = new Map()): FieldType {
  return readSchema(schema, new Map(named), {});
}

type FullSchema = Exclude<AvroSchema, string | readonly AvroSchema[]>;
type Constraints = Readonly<Partial<Record<string, unknown>>>;

function readSchema(schema: AvroSchema, named: Map<string, FieldType>, attributes: Constraints): FieldType {
  if (isUnion(schema)) {
    const [first, of, ...more] = schema;
    if (first !== "null" || of === undefined || more.length > 0) {
      throw new SchemaError("SCHEMA_INVALID", `a union is ["null", type], in this order: ${JSON.stringify(schema).slice(0, 80)}`);
    }
    return { kind: "nullable", of: readSchema(of, named, attributes) };
  }
  const full: FullSchema = typeof schema === "string" ? ({ type: schema } as AvroPrimitive) : schema;
  if (isLogical(full)) {
    if (full.logicalType === "timestamp-millis" && full.type === "long") return constrained({ kind: "timestamp" }, attributes);
    if (full.logicalType === "decimal" && full.type === "bytes") {
      return constrained({ kind: "decimal", precision: full.precision, scale: full.scale }, attributes);
    }
    throw new SchemaError("SCHEMA_INVALID", `unknown logical type ${JSON.stringify(full)}`);
  }
  switch (full.type) {
    case "string":
    case "int":
    case "long":
    case "double":
    case "boolean":
    case "bytes":
      return constrained({ kind: full.type }, attributes);
    case "array":
      return constrained({ kind: "array", items: readSchema(full.items, named, {}) }, attributes);
    case "map":
      return constrained({ kind: "map", values: readSchema(full.values, named, {}) }, attributes);
    case "record":
      return constrained(readRecord(full, named), attributes);
    default: {
      const known = named.get((full as { type: string }).type);
      if (known === undefined) throw new SchemaError("SCHEMA_INVALID", `unknown type ${JSON.stringify(schema)}`);
      return constrained(known, attributes);
    }
  }
}

function isLogical(schema: FullSchema): schema is AvroLogical {
  return "logicalType" in schema;
}

function isUnion(schema: AvroSchema): schema is readonly AvroSchema[] {
  return Array.isArray(schema);
}

function constrained(type: FieldType, attributes: Constraints): FieldType {
  const allowed: readonly string[] = constraintAttributes[type.kind];
  for (const name of Object.keys(attributes)) {
    if (!allowed.includes(name)) throw new SchemaError("SCHEMA_INVALID", `"${name}" does not apply to a ${type.kind}`);
  }
  return Object.keys(attributes).length === 0 ? type : { ...type, ...attributes };
}

function readRecord(schema: AvroRecord, named: Map<string, FieldType>): FieldType {
  if (!namePattern.test(schema.name)) throw new SchemaError("SCHEMA_INVALID", `"${schema.name}" is no name for a record`);
  const [amount, currency] = schema.fields;
  if (schema.name === "Money" && amount?.name === "amount" && currency?.name === "currency") {
    named.set("Money", { kind: "money" });
    return { kind: "money" };
  }
  if (schema.fields.length === 0) throw new SchemaError("SCHEMA_INVALID", `the record ${schema.name} has no fields`);
  const seen = new Set<string>();
  const fields = schema.fields.map((field) => {
    for (const name of [field.name, ...(field.aliases ?? [])]) {
      if (!namePattern.test(name) || forbiddenNames.has(name) || seen.has(name)) {
        throw new SchemaError("SCHEMA_INVALID", `"${name}" is no name for a field, or taken`, { at: schema.name });
      }
      seen.add(name);
    }
    return readField(field, named);
  });
  const record: RecordType = { kind: "record", name: schema.name, ...(schema.doc === undefined ? {} : { doc: schema.doc }), fields };
  named.set(schema.name, record);
  return record;
}

const plainAttributes: ReadonlySet<string> = new Set(["name", "doc", "aliases", "deprecated", "pii", "example"]);

function readField(field: AvroField, named: Map<string, FieldType>): RecordField {
  const { type: schema, default: byDefault, ...attributes } = field;
  const plain = Object.fromEntries(Object.entries(attributes).filter(([name]) => plainAttributes.has(name)));
  const constraints = Object.fromEntries(Object.entries(attributes).filter(([name]) => !plainAttributes.has(name)));
  const type = readSchema(schema, named, constraints);
  const kept = byDefault === undefined || (byDefault === null && type.kind === "nullable") ? {} : { default: byDefault };
  return { name: field.name, ...plain, type, ...kept };
}
