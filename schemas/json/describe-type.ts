import type { FieldType, NumberConstraints, RecordType, StringConstraints } from "../field-type.ts";

const names: Readonly<Record<Exclude<FieldType["kind"], "nullable" | "record">, string>> = {
  string: "a string",
  int: "an int",
  long: "an integer",
  double: "a number",
  boolean: "true or false",
  timestamp: "an RFC 3339 time with its zone",
  bytes: "bytes in base64",
  decimal: "a decimal",
  money: "an object {amount, currency}",
  array: "an array",
  map: "an object",
};

/** What a value of the type is, in the words of an error: `an int ≥ 1`, `null or a string of at most 40 characters`, `an object {country, city?}`. */
export function describeType(type: FieldType): string {
  switch (type.kind) {
    case "nullable":
      return `null or ${describeType(type.of)}`;
    case "record":
      return `an object {${type.fields.map((field) => (isOptional(field) ? `${field.name}?` : field.name)).join(", ")}}`;
    case "string":
      return describeString(type);
    case "int":
    case "long":
    case "double":
      return `${names[type.kind]}${describeRange(type)}`;
    case "decimal":
      return `a decimal of at most ${type.scale} places and ${type.precision} digits${type.minimum === undefined ? "" : `, ≥ ${type.minimum}`}`;
    case "money":
      return `${names.money}${type.minimum === undefined ? "" : ` with an amount ≥ ${type.minimum}`}`;
    case "array": {
      const least = type.minItems === undefined ? "" : ` of at least ${type.minItems}`;
      return type.maxItems === undefined ? `${names.array}${least}` : `${names.array}${least} of at most ${type.maxItems}`;
    }
    case "map":
    case "boolean":
    case "timestamp":
    case "bytes":
      return names[type.kind];
  }
}

/** It may be left out. */
export const isOptional = ({ default: fallback, type }: RecordType["fields"][number]): boolean =>
  fallback !== undefined || type.kind === "nullable";

function describeRange(type: NumberConstraints): string {
  const parts = [
    ...(type.minimum === undefined ? [] : [`≥ ${type.minimum}`]),
    ...(type.maximum === undefined ? [] : [`≤ ${type.maximum}`]),
    ...(type.nonZero === true ? ["other than 0"] : []),
  ];
  return parts.length === 0 ? "" : ` ${parts.join(" and ")}`;
}

function describeString(type: StringConstraints): string {
  if (type.format === "event-id") return "1 to 64 of the characters A–Z a–z 0–9 . _ : -";
  if (type.format === "key") return "visible text of 1 to 128 bytes";
  if (type.format === "semver") return "a version such as 1.0.0";
  if (type.oneOf !== undefined) return type.oneOf.length === 1 ? `"${type.oneOf[0]}"` : `one of ${type.oneOf.join(", ")}`;
  const most = type.maxLength === undefined ? "" : ` of at most ${type.maxLength} characters`;
  const least = (type.minLength ?? 0) > 0 ? "a non-empty string" : "a string";
  return type.pattern === undefined ? `${least}${most}` : `${least}${most} like ${type.pattern}`;
}
