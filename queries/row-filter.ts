import { formatDecimal, parseDecimal } from "#schemas/money.ts";
import { formatTimestamp, parseTimestamp } from "#schemas/timestamp.ts";
import type { Cell, ColumnType, Row } from "./query-plan.ts";

const decimalPlaces = 18;
const decimalDigits = 200;

/** The text that a cell of this type shows for what a client wrote (`49.9` → `49.90`), or nothing where no cell can show it. */
export function canonicalText(text: string, type: ColumnType): string | undefined {
  switch (type) {
    case "string":
      return text;
    case "integer":
      return /^-?(0|[1-9]\d{0,200})$/.test(text) && text !== "-0" ? text : undefined;
    case "decimal": {
      const value = parseDecimal(text, decimalPlaces, decimalDigits);
      return typeof value === "bigint" ? formatDecimal(value, decimalPlaces) : undefined;
    }
    case "double": {
      const value = text.trim() === "" ? Number.NaN : Number(text);
      return Number.isFinite(value) ? String(value) : undefined;
    }
    case "boolean":
      return text === "true" || text === "false" ? text : undefined;
    case "timestamp": {
      const ms = parseTimestamp(text);
      return ms === undefined ? undefined : formatTimestamp(ms);
    }
  }
}

/** What a client may write for a column of this type, in words. */
export const expectedText: Readonly<Record<ColumnType, string>> = {
  string: "any text",
  integer: "a whole number",
  decimal: "a plain decimal such as 49.90",
  double: "a number",
  boolean: "true or false",
  timestamp: "a time such as 2011-04-01T08:05:00Z",
};

/** Rows that show, for each column named, one of its texts. Null shows nothing, so no filter finds it. */
export function rowFilter(filters: readonly (readonly [column: string, texts: readonly string[]])[]): (row: Row) => boolean {
  const wanted = filters.map(([column, texts]) => [column, new Set(texts)] as const);
  return (row) => wanted.every(([column, texts]) => shows(row[column], texts));
}

const shows = (cell: Cell | undefined, texts: ReadonlySet<string>): boolean =>
  cell !== null && cell !== undefined && texts.has(String(cell));
