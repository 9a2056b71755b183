import { fieldName } from "../codec/compile-writer.ts";
import type { FieldType, RecordField, RecordType } from "../field-type.ts";
import { describeType } from "./describe-type.ts";
import { explainFields, type FieldShape } from "./explain-fields.ts";
import {
  type ParseValue,
  parseBoolean,
  parseBytes,
  parseCurrency,
  parserOfDecimal,
  parserOfNumber,
  parserOfString,
  parseTime,
  wrongType,
} from "./parse-value.ts";
import { forbiddenNames } from "../field-type.ts";

/**
 * The parser of a type: parsed JSON in, the decoded value out, or every mistake at once. A record becomes one generated function that reads
 * each field at its own place and only counts the names it met; who has more or fewer names is looked at in detail. [E3]
 */
export function compileParser(type: FieldType): ParseValue {
  switch (type.kind) {
    case "string":
      return parserOfString(type);
    case "int":
    case "long":
    case "double":
      return parserOfNumber(type);
    case "boolean":
      return parseBoolean;
    case "timestamp":
      return parseTime;
    case "bytes":
      return parseBytes;
    case "decimal":
      return parserOfDecimal(type);
    case "nullable": {
      const parse = compileParser(type.of);
      return (json, problems) => (json === null ? null : parse(json, problems));
    }
    case "array":
      return parserOfArray(type);
    case "map":
      return parserOfMap(type);
    case "money":
      return parserOfRecord(moneyRecord(type.minimum), { amount: undefined, currency: parseCurrency });
    case "record":
      return parserOfRecord(type, {});
  }
}

function moneyRecord(minimum: number | undefined): RecordType {
  const amount = { kind: "decimal", precision: 18, scale: 4, ...(minimum === undefined ? {} : { minimum }) } as const;
  return {
    kind: "record",
    name: "Money",
    fields: [
      { name: "amount", type: amount },
      { name: "currency", type: { kind: "string", maxLength: 3, minLength: 3 } },
    ],
  };
}

function parserOfArray(type: Extract<FieldType, { kind: "array" }>): ParseValue {
  const parse = compileParser(type.items);
  const expected = describeType(type);
  const least = type.minItems ?? 0;
  const most = type.maxItems ?? Infinity;
  return (json, problems) => {
    if (!Array.isArray(json)) return wrongType(json, expected, problems);
    if (json.length < least || json.length > most)
      problems.wrong("schema_violation", expected, `must be ${expected}; it has ${json.length} items`);
    const items: unknown[] = [];
    for (let i = 0; i < json.length; i++) {
      const mark = problems.size;
      items.push(parse(json[i], problems));
      if (problems.size !== mark) problems.under(mark, i);
    }
    return items;
  };
}

function parserOfMap(type: Extract<FieldType, { kind: "map" }>): ParseValue {
  const parse = compileParser(type.values);
  const parseKey = parserOfString({ kind: "string", maxLength: 128 });
  const expected = describeType(type);
  const most = type.maxItems ?? Infinity;
  return (json, problems) => {
    if (typeof json !== "object" || json === null || Array.isArray(json)) return wrongType(json, expected, problems);
    const entries = Object.entries(json);
    if (entries.length > most) problems.wrong("schema_violation", expected, `must have at most ${most} entries, not ${entries.length}`);
    const map: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    for (const [key, value] of entries) {
      const mark = problems.size;
      if (forbiddenNames.has(key)) problems.wrong("forbidden_key", "another name", "is a name that no field may have");
      else {
        parseKey(key, problems);
        map[key] = parse(value, problems);
      }
      if (problems.size !== mark) problems.under(mark, key);
    }
    return map;
  };
}

type Parsers = Readonly<Record<string, ParseValue | undefined>>;

function parserOfRecord(type: RecordType, given: Parsers): ParseValue {
  const parsers = type.fields.map((field) => given[field.name] ?? compileParser(field.type));
  const shape: FieldShape = { fields: type.fields, expected: type.fields.map((field) => describeType(field.type)) };
  const lines = type.fields.map((field, i) => fieldLines(field, i));
  const properties = type.fields.map((field, i) => `${fieldName(field.name)}: v${i}`);
  const body = `"use strict"; return function parse(o, problems) {
    if (typeof o !== "object" || o === null || Array.isArray(o)) return wrongType(o, expected, problems);
    let n = 0, m = 0, odd = false;
    ${lines.join("\n")}
    for (const name in o) n--;
    if (odd || n !== 0) explain(o, shape, problems);
    return { ${properties.join(", ")} };
  }`;
  const names = parsers.map((_, i) => `p${i}`);
  // oxlint-disable-next-line typescript/no-implied-eval, no-new-func -- generated from checked names only
  const build = new Function("wrongType", "expected", "explain", "shape", ...names, body);
  return build(wrongType, describeType(type), explainFields, shape, ...parsers) as ParseValue;
}

/** Reads field `i` into `v{i}`: by its name, else by an alias, else its default. */
function fieldLines(field: RecordField, i: number): string {
  const aliases = (field.aliases ?? []).map((alias) => `if (j${i} === undefined) j${i} = o.${fieldName(alias)};`);
  const absent =
    field.type.kind === "nullable" && (field.default ?? null) === null
      ? `v${i} = null;`
      : field.default === undefined
        ? "odd = true;"
        : `v${i} = p${i}(${JSON.stringify(field.default)}, problems);`;
  const deprecated = field.deprecated === undefined ? "" : `if (j${i} !== null) odd = true;`;
  return `let j${i} = o.${fieldName(field.name)}, v${i}; ${aliases.join(" ")}
    if (j${i} === undefined) { ${absent} }
    else { n++; m = problems.size; v${i} = p${i}(j${i}, problems); if (problems.size !== m) problems.under(m, ${JSON.stringify(field.name)}); ${deprecated} }`;
}
