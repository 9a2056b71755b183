import { type CurrentRecord, decodeTuple, encodeTuple } from "@millrace/engine";
import { formatTimestamp, parseTimestamp } from "#schemas/timestamp.ts";
import type { ExpressionType } from "../expressions/expression-type.ts";
import { isInt, nonNull } from "../expressions/expression-type.ts";
import { isNull } from "../expressions/operand.ts";
import type { KeyColumn } from "./stream.ts";

export type KeyPart = string | number | boolean;
type ReadKey = (value: unknown, record: Readonly<CurrentRecord>) => string | null;

/** Kinds of values that can be (part of) a key. */
export const isKeyType = (type: ExpressionType): boolean => ["string", "int", "long", "boolean", "timestamp"].includes(nonNull(type).kind);

/** One part is its plain text, several are a tuple; a null in any of them is no key. [Y6] */
export function keyWriter(parts: readonly { readonly type: ExpressionType; readonly evaluate: ReadPart }[]): ReadKey {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) {
    const { evaluate } = first;
    const kind = nonNull(first.type).kind;
    if (kind === "string") return (value, record) => (evaluate(value, record) as string | null | undefined) ?? null;
    return (value, record) => {
      const part = evaluate(value, record) as KeyPart | null | undefined;
      return isNull(part) ? null : keyText(part, kind);
    };
  }
  const reads = parts.map(({ evaluate }) => evaluate);
  return (value, record) => {
    const values: KeyPart[] = [];
    for (const read of reads) {
      const part = read(value, record) as KeyPart | null | undefined;
      if (isNull(part)) return null;
      values.push(part);
    }
    return encodeTuple(values);
  };
}
type ReadPart = (value: unknown, record: Readonly<CurrentRecord>) => unknown;

const keyText = (part: KeyPart, kind: string): string => (kind === "timestamp" ? formatTimestamp(part as number) : String(part));

/** The parts of a key, as `keyWriter` wrote it. */
export function keyReader(key: readonly KeyColumn[]): (text: string) => readonly unknown[] {
  const [first] = key;
  if (first === undefined || key.length > 1) return decodeTuple;
  const type = nonNull(first.type);
  if (isInt(type)) return (text) => [Number(text)];
  if (type.kind === "boolean") return (text) => [text === "true"];
  if (type.kind === "timestamp") return (text) => [parseTimestamp(text)];
  return (text) => [text];
}

/** What other programs see as the key of a record: the text of one column, a JSON list of several. */
export function outerKey(key: readonly KeyColumn[]): (text: string | null) => string | null {
  if (key.length < 2) return (text) => text;
  return (text) => (text === null ? null : JSON.stringify(decodeTuple(text)));
}
