/** The Avro schemas that Millrace writes and reads, as JSON. Other attributes are kept out: an unknown one is a mistake. */
export type AvroSchema = string | AvroRecord | AvroArray | AvroMap | AvroLogical | AvroPrimitive | readonly AvroSchema[];

export type AvroPrimitive = { readonly type: "string" | "int" | "long" | "double" | "boolean" | "bytes" };
export type AvroLogical =
  | { readonly type: "bytes"; readonly logicalType: "decimal"; readonly precision: number; readonly scale: number }
  | { readonly type: "long"; readonly logicalType: "timestamp-millis" };
export type AvroArray = { readonly type: "array"; readonly items: AvroSchema };
export type AvroMap = { readonly type: "map"; readonly values: AvroSchema };
export type AvroRecord = {
  readonly type: "record";
  readonly name: string;
  readonly namespace?: string;
  readonly doc?: string;
  readonly fields: readonly AvroField[];
};

/** `event-id`: 1–64 of `[A-Za-z0-9._:-]`; `key`: visible text of at most 128 bytes, taken in NFC; `semver`: `1.2.3`. */
export type StringFormat = "event-id" | "key" | "semver";

/** A field with our own attributes beside Avro's: constraints of its values, `deprecated`, `pii`, `example`. */
export type AvroField = {
  readonly name: string;
  readonly type: AvroSchema;
  readonly doc?: string;
  readonly default?: DefaultValue;
  readonly aliases?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly nonZero?: boolean;
  readonly format?: StringFormat;
  readonly pattern?: string;
  readonly oneOf?: readonly string[];
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly deprecated?: string;
  readonly pii?: boolean;
  readonly example?: unknown;
};

/** What a field may have as its default: what JSON and the decoded form write alike. */
export type DefaultValue = null | string | number | boolean | readonly DefaultValue[] | { readonly [name: string]: DefaultValue };

/** The attributes of a field that constrain its values, by the kind that they belong to. */
export const constraintAttributes = {
  string: ["format", "pattern", "oneOf", "minLength", "maxLength"],
  int: ["minimum", "maximum", "nonZero"],
  long: ["minimum", "maximum", "nonZero"],
  double: ["minimum", "maximum"],
  decimal: ["minimum"],
  money: ["minimum"],
  array: ["minItems", "maxItems"],
  map: ["maxItems"],
  boolean: [],
  bytes: [],
  timestamp: [],
  record: [],
  nullable: [],
} as const;
