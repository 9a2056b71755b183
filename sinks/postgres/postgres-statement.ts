import { columnOf, nameOf, offsetColumn, type PostgresColumn, type PostgresTable, quoted, sourceColumn } from "./postgres-table.ts";
import type { TextRow } from "./postgres-row.ts";

export type PostgresStatement = { readonly text: string; readonly values: readonly unknown[] };

/**
 * One statement for rows of one source with different keys: what is there from the same source and as new or newer stays as it is. Rows of another source
 * are overwritten, for nobody can tell which of the two is newer.
 */
export function statementFor(table: PostgresTable, source: string, rows: readonly TextRow[]): PostgresStatement {
  const values: unknown[] = [source];
  const kept = rows.filter(({ gone }) => !gone);
  const gone = rows.filter((row) => row.gone);
  const deletion = gone.length === 0 ? undefined : deletionOf(table, parameters(gone, values));
  if (kept.length === 0) return { text: deletion!, values };
  const upsert = upsertOf(table, parameters(kept, values));
  return { text: deletion === undefined ? upsert : `WITH gone AS (${deletion}) ${upsert}`, values };
}

function upsertOf(table: PostgresTable, lists: readonly string[]): string {
  const { columns, key } = table;
  const own = [quoted(sourceColumn), quoted(offsetColumn)];
  const updated = [...columns.filter(({ name }) => !key.includes(name)).map(({ name }) => quoted(name)), ...own];
  return [
    `INSERT INTO ${nameOf(table)} AS t (${[...columns.map(({ name }) => quoted(name)), ...own].join(", ")})`,
    `SELECT ${[...columns.map((column, i) => cast(column, `u.c${i}`)), "$1::text", `u.c${columns.length}::bigint`].join(", ")}`,
    `FROM unnest(${lists.join(", ")}) AS u(${names(lists)})`,
    `ON CONFLICT (${key.map(quoted).join(", ")}) DO UPDATE SET ${updated.map((name) => `${name} = excluded.${name}`).join(", ")}`,
    `WHERE ${isOlder("excluded." + quoted(offsetColumn))}`,
  ].join(" ");
}

function deletionOf(table: PostgresTable, lists: readonly string[]): string {
  const keys = table.columns.filter(({ name }) => table.key.includes(name));
  const same = keys.map(({ name }, i) => `t.${quoted(name)} = ${cast(columnOf(table, name), `d.c${i}`)}`);
  return [
    `DELETE FROM ${nameOf(table)} AS t USING unnest(${lists.join(", ")}) AS d(${names(lists)})`,
    `WHERE ${same.join(" AND ")} AND (${isOlder(`d.c${keys.length}::bigint`)})`,
  ].join(" ");
}

const isOlder = (offset: string): string =>
  `t.${quoted(sourceColumn)} IS DISTINCT FROM $1::text OR t.${quoted(offsetColumn)} IS NULL OR t.${quoted(offsetColumn)} < ${offset}`;
const cast = ({ type }: PostgresColumn, text: string): string => `${text}::${type}`;
const names = (lists: readonly unknown[]): string => lists.map((_, i) => `c${i}`).join(", ");

/** A parameter for each column, with the offset as the last; answers their places. */
function parameters(rows: readonly TextRow[], values: unknown[]): string[] {
  const lists = rows[0]!.values.map((_, i) => rows.map((row) => row.values[i]!));
  return [...lists, rows.map(({ offset }) => String(offset))].map((list) => `$${values.push(list)}::text[]`);
}
