import type { PostgresColumn, PostgresTable } from "./postgres-table.ts";

/**
 * What a column holds. `bigint`: a bigint, a whole number or its digits; `numeric`: digits as text, so that no decimal is lost; `timestamptz`: milliseconds
 * since the epoch, or text as PostgreSQL reads it; `jsonb`: anything that JSON can say. Null and what is left out become NULL.
 */
export type PostgresValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | readonly unknown[]
  | { readonly [name: string]: unknown };
export type PostgresRow = { readonly [column: string]: PostgresValue };

/** A row as text, which PostgreSQL casts: one form for every driver, and what cannot be cast is told by the server, record by record. */
export type TextRow = {
  readonly offset: bigint;
  /** In the order of the table's columns; of a row that goes, its key alone. */
  readonly values: readonly (string | null)[];
  readonly gone: boolean;
};

/** @throws {TypeError} when a value is not of its column's type, a part of the key is missing, or the row has a column that the table has not */
export function textRow(table: PostgresTable, row: PostgresRow, at: { readonly offset: bigint; readonly gone: boolean }): TextRow {
  const known = new Set(table.columns.map(({ name }) => name));
  const unknown = Object.keys(row).filter((name) => !known.has(name));
  if (unknown.length > 0) throw new TypeError(`the table has no column ${unknown.join(", ")}`);
  for (const name of table.key) if ((row[name] ?? null) === null) throw new TypeError(`${name} is part of the key and is missing`);
  const columns = at.gone ? table.columns.filter(({ name }) => table.key.includes(name)) : table.columns;
  return { ...at, values: columns.map((column) => textOf(column, row[column.name])) };
}

/** The same for rows that have the same key as it was written. */
export function keyTextOfRow(table: PostgresTable, { values, gone }: TextRow): string {
  const columns = gone ? table.columns.filter(({ name }) => table.key.includes(name)) : table.columns;
  return JSON.stringify(values.filter((_, i) => table.key.includes(columns[i]!.name)));
}

function textOf({ name, type }: PostgresColumn, value: PostgresValue): string | null {
  if (value === null || value === undefined) return null;
  const scalar = typeof value === "string" || typeof value === "number" || typeof value === "bigint";
  switch (type) {
    case "jsonb":
      return JSON.stringify(value);
    case "boolean":
      if (typeof value === "boolean") return String(value);
      break;
    case "text":
      if (scalar || typeof value === "boolean") return String(value);
      break;
    case "timestamptz":
      if (typeof value === "string") return value;
      if (typeof value === "number" && Math.abs(value) <= mostMs) return new Date(value).toISOString();
      break;
    case "bigint":
      if (scalar && (typeof value !== "number" || Number.isSafeInteger(value))) return String(value);
      break;
    case "numeric":
    case "double precision":
      if (scalar) return String(value);
      break;
  }
  throw new TypeError(`${name} is ${type}, and the record has a ${typeof value} that is none`);
}

/** What a JavaScript date reaches. */
const mostMs = 8.64e15;
