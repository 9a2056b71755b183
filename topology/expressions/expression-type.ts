import type { FieldType, RecordField, RecordType } from "#schemas/field-type.ts";
import { moneyPrecision, moneyScale } from "#schemas/money.ts";

/** What an expression gives: a type of the schemas, the literal `null`, or `unknown` where a mistake was reported already. */
export type ExpressionType = FieldType | { readonly kind: "null" } | { readonly kind: "unknown" };

export const unknownType = { kind: "unknown" } as const satisfies ExpressionType;
export const intType = { kind: "long" } as const satisfies FieldType;
export const doubleType = { kind: "double" } as const satisfies FieldType;
export const stringType = { kind: "string" } as const satisfies FieldType;
export const booleanType = { kind: "boolean" } as const satisfies FieldType;
export const timestampType = { kind: "timestamp" } as const satisfies FieldType;
export const moneyType = { kind: "money" } as const satisfies FieldType;
/** Amounts without a currency, in 1/10,000 as money has them. */
export const decimalType = { kind: "decimal", precision: moneyPrecision, scale: moneyScale } as const satisfies FieldType;

export const isInt = (type: ExpressionType): boolean => type.kind === "int" || type.kind === "long";
export const isNumber = (type: ExpressionType): boolean => isInt(type) || type.kind === "double";
export const nonNull = (type: ExpressionType): ExpressionType => (type.kind === "nullable" ? nonNull(type.of) : type);
export const nullable = (type: FieldType): FieldType => (type.kind === "nullable" ? type : { kind: "nullable", of: type });

/** In the words of the file: `int` for both integers, `list<…>`, `… or null`. */
export function typeName(type: ExpressionType): string {
  if (isInt(type)) return "int";
  if (type.kind === "array") return `list<${typeName(type.items)}>`;
  if (type.kind === "map") return `map<${typeName(type.values)}>`;
  if (type.kind === "nullable") return `${typeName(type.of)} or null`;
  return type.kind === "record" ? `record ${type.name}` : type.kind;
}

const namedTypes: Readonly<Record<string, FieldType>> = {
  string: stringType,
  int: intType,
  long: intType,
  double: doubleType,
  boolean: booleanType,
  bool: booleanType,
  timestamp: timestampType,
  decimal: decimalType,
  money: moneyType,
  bytes: { kind: "bytes" },
};
export const typeNames: readonly string[] = Object.keys(namedTypes);

/** The type of a name: one of `typeNames`, `list<…>`, `map<…>`, each with `?` behind it if it may be null. */
export function typeOfName(name: string): FieldType | undefined {
  const text = name.trim();
  if (text.endsWith("?")) {
    const of = typeOfName(text.slice(0, -1));
    return of && nullable(of);
  }
  const inner = /^(list|map)<(.+)>$/.exec(text);
  if (inner !== null) {
    const of = typeOfName(inner[2]!);
    return of && (inner[1] === "list" ? { kind: "array", items: of } : { kind: "map", values: of });
  }
  return Object.hasOwn(namedTypes, text) ? namedTypes[text] : undefined;
}

/** Whether a value of `from` can stand where `to` is asked for. */
export function isAssignable(from: ExpressionType, to: ExpressionType): boolean {
  if (from.kind === "unknown" || to.kind === "unknown") return true;
  if (to.kind === "nullable") return from.kind === "null" || isAssignable(from.kind === "nullable" ? from.of : from, to.of);
  if (isInt(from) && isInt(to)) return true;
  if (from.kind !== to.kind) return false;
  if (from.kind === "array" && to.kind === "array") return isAssignable(from.items, to.items);
  if (from.kind === "map" && to.kind === "map") return isAssignable(from.values, to.values);
  if (from.kind === "decimal" && to.kind === "decimal") return from.scale === to.scale;
  if (from.kind === "record" && to.kind === "record") {
    return to.fields.every((field) => {
      const found = from.fields.find(({ name }) => name === field.name);
      return found !== undefined && isAssignable(found.type, field.type);
    });
  }
  return true;
}

/** The type that holds values of both, or nothing; of two records, the fields that both have. */
export function commonType(a: ExpressionType, b: ExpressionType): ExpressionType | undefined {
  if (a.kind === "unknown" || b.kind === "unknown") return unknownType;
  if (a.kind === "null") return b.kind === "null" || b.kind === "nullable" ? b : nullable(b);
  if (b.kind === "null") return a.kind === "nullable" ? a : nullable(a);
  if (a.kind === "nullable" || b.kind === "nullable") {
    const common = commonType(nonNull(a), nonNull(b));
    return common === undefined || common.kind === "unknown" || common.kind === "null" ? common : nullable(common);
  }
  if (a.kind === "record" && b.kind === "record") return commonRecord(a, b);
  if (isAssignable(a, b)) return bare(b);
  return isAssignable(b, a) ? bare(a) : undefined;
}

/** Without what constrains its values: two fields of a kind may be constrained differently. */
function bare(type: FieldType): FieldType {
  if (isInt(type)) return intType;
  return ["array", "map", "record", "decimal"].includes(type.kind) ? type : ({ kind: type.kind } as FieldType);
}

function commonRecord(a: RecordType, b: RecordType): RecordType | undefined {
  const fields = a.fields.flatMap((field): RecordField[] => {
    const other = b.fields.find(({ name }) => name === field.name);
    const type = other && commonType(field.type, other.type);
    return type === undefined || type.kind === "null" || type.kind === "unknown" ? [] : [{ name: field.name, type }];
  });
  return fields.length === 0 ? undefined : { kind: "record", name: a.name, fields };
}

/** A record type in which the field at a path is not null any more. */
export function withoutNull(type: ExpressionType, path: readonly string[]): ExpressionType {
  const [first, ...rest] = path;
  if (first === undefined) return nonNull(type);
  if (type.kind !== "record") return type;
  return {
    ...type,
    fields: type.fields.map((field) =>
      field.name === first ? { ...withoutDefault(field), type: withoutNull(field.type, rest) as FieldType } : field,
    ),
  };
}

/** The default of a field that was nullable is null. */
function withoutDefault(field: RecordField): RecordField {
  if (field.default !== null) return field;
  const { default: _null, ...rest } = field;
  return rest;
}
