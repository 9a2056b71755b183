import { valueToJson } from "#schemas/event-json.ts";
import { formatDecimal } from "#schemas/money.ts";
import { formatTimestamp } from "#schemas/timestamp.ts";
import type { Expression } from "../expressions/compile-expression.ts";
import { nonNull, typeName } from "../expressions/expression-type.ts";
import { isNull } from "../expressions/operand.ts";
import { readFields, readText } from "../parse/map-reader.ts";
import type { Text } from "../parse/syntax.ts";
import { selectFields } from "../steps/value-steps.ts";
import type { SeenRecord } from "./sink-source.ts";
import { missing, type SinkScope } from "./sink-scope.ts";

/** What is said of a record. */
export type Content = { readonly type: "json" | "text"; readonly does: string; readonly of: (seen: SeenRecord) => string };

/** A field that is left out: the record's value as JSON. A map of expressions: an object of them. An expression: its text. */
export function contentOf(field: string, scope: SinkScope): Content | undefined {
  const { settings, source, report } = scope;
  const tree = settings.entry(field)?.value;
  if (tree === undefined) {
    if (source.type.kind !== "record") return undefined;
    scope.readAll();
    const { type } = source;
    return { type: "json", does: "the whole value as JSON", of: ({ value }) => JSON.stringify(valueToJson(type, value)) };
  }
  if (tree.kind === "map") {
    const named = readFields(tree, `"${field}" of ${settings.what}`, report);
    const selected = selectFields(named, scope.scope, "content");
    for (const { expression } of selected.fields) scope.note(expression);
    const { type, build } = selected;
    if (type.kind !== "record") return undefined;
    return {
      type: "json",
      does: `{ ${named.map(({ name }) => name).join(", ")} } as JSON`,
      of: ({ value, record }) => JSON.stringify(valueToJson(type, build(value, record))),
    };
  }
  const text = readText(tree, `"${field}" of ${settings.what}`, report);
  const written = text && textOf(text, scope);
  return (
    written && { type: "text", does: written.does, of: ({ value, record }) => written.of({ value, record }) ?? missing(`${field} is null`) }
  );
}

export type WrittenText = { readonly does: string; readonly of: (seen: SeenRecord) => string | null };

/** An expression that is written as text: strings as they are, numbers, amounts without currency, times (RFC 3339) and booleans; null where it is null. */
export function textOf(text: Text, scope: SinkScope): WrittenText | undefined {
  const expression = scope.expression(text);
  const write = writerOf(expression);
  if (write === undefined) {
    if (expression.type.kind !== "unknown") {
      const hint = nonNull(expression.type).kind === "money" ? `; say ${text.text}.amount and ${text.text}.currency` : "";
      scope.report(
        "TOPOLOGY_EXPRESSION_TYPE",
        text.place,
        `this is written as text, and \`${text.text}\` is ${typeName(expression.type)}${hint}`,
      );
    }
    return undefined;
  }
  return {
    does: text.text,
    of: ({ value, record }) => {
      const found = expression.evaluate(value, record);
      return isNull(found) ? null : write(found);
    },
  };
}

/** The expression of a field of the settings; nothing where it is left out or is none. */
export function textAt(field: string, scope: SinkScope): WrittenText | undefined {
  const text = scope.settings.text(field);
  return text && textOf(text, scope);
}

/** The same where it must be there, and must not be null. */
export function requiredText(
  field: string,
  scope: SinkScope,
): { readonly does: string; readonly of: (seen: SeenRecord) => string } | undefined {
  scope.settings.required(field);
  const written = textAt(field, scope);
  return written && { does: written.does, of: (seen) => written.of(seen) ?? missing(`${field} is null`) };
}

function writerOf({ type }: Expression): ((value: unknown) => string) | undefined {
  const plain = nonNull(type);
  if (plain.kind === "timestamp") return (value) => formatTimestamp(value as number);
  if (plain.kind === "decimal") return (value) => formatDecimal(value as bigint, plain.scale);
  return ["string", "int", "long", "double", "boolean"].includes(plain.kind) ? String : undefined;
}
