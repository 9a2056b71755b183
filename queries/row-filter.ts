import { formatDecimal, parseDecimal } from "#schemas/money.ts";
import { formatTimestamp, maxTimestamp, parseTimestamp } from "#schemas/timestamp.ts";
import type { ColumnType, QueryRow } from "#topology/plan/query-plan.ts";
import { cellText } from "./row-writer.ts";
import { windowStartColumn } from "./query-plan.ts";

const decimalPlaces = 18;
const decimalDigits = 200;

/** The text that a cell of this type shows for what a client wrote (`49.9` → `49.90`), or nothing where no cell can show it. */
export function canonicalText(text: string, type: ColumnType): string | undefined {
  switch (type) {
    case "string":
    case "json":
      return text;
    case "int":
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
  json: "the JSON that the rows show",
  int: "a whole number",
  decimal: "a plain decimal such as 49.90",
  double: "a number",
  boolean: "true or false",
  timestamp: "a time such as 2011-04-01T08:05:00Z",
};

export type RowConditions = {
  readonly filters: readonly (readonly [column: string, texts: readonly string[]])[];
  /** ms; rows with `from` ≤ window_start < `to`. */
  readonly from: number | undefined;
  readonly to: number | undefined;
};

/** Rows that show, for each column named, one of its texts, and whose window starts within the bounds. Null shows nothing, so no filter finds it. */
export function rowFilter({ filters, from, to }: RowConditions): (row: QueryRow) => boolean {
  const wanted = filters.map(([column, texts]) => [column, new Set(texts)] as const);
  const bounds: ((start: string) => boolean)[] = [];
  // RFC 3339 texts of one form are in the order of their times.
  if (from !== undefined && from > 0) bounds.push((start) => start >= formatTimestamp(Math.min(from, maxTimestamp)));
  if (to !== undefined) bounds.push((start) => start < formatTimestamp(Math.max(0, Math.min(to, maxTimestamp))));
  return (row) =>
    wanted.every(([column, texts]) => shows(row[column], texts)) && bounds.every((holds) => holds(String(row[windowStartColumn])));
}

const shows = (cell: unknown, texts: ReadonlySet<string>): boolean => cell !== null && cell !== undefined && texts.has(cellText(cell));
