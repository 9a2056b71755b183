import { PostgresError } from "./postgres-error.ts";

export const postgresTypes = ["text", "bigint", "numeric", "timestamptz", "boolean", "jsonb", "double precision"] as const;
export type PostgresType = (typeof postgresTypes)[number];
export type PostgresColumn = { readonly name: string; readonly type: PostgresType };

export type PostgresTable = {
  /** As it is named in the database, unquoted; a dot is part of the name. */
  readonly table: string;
  /** The first of the search path's unless told. */
  readonly schema?: string;
  /** In the order in which the table is made. */
  readonly columns: readonly PostgresColumn[];
  /** Which columns name a row, ≥ 1. */
  readonly key: readonly string[];
};

/** Where a row's record was, so that an older one does not take the place of a newer: columns of our own, behind the others. */
export const sourceColumn = "millrace_source";
export const offsetColumn = "millrace_offset";
export const ownColumns = [
  { name: sourceColumn, type: "text" },
  { name: offsetColumn, type: "bigint" },
] as const;

/** Longer names would be cut off, and then mean another. */
const mostNameBytes = 63;

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const nameOf = ({ schema, table }: PostgresTable): string =>
  schema === undefined ? quoted(table) : `${quoted(schema)}.${quoted(table)}`;

export const columnOf = ({ columns }: PostgresTable, name: string): PostgresColumn => columns.find((column) => column.name === name)!;

/** @throws {PostgresError} `POSTGRES_TABLE_MALFORMED`, with every mistake */
export function checkTable({ table, schema, columns, key }: PostgresTable): void {
  const names = columns.map(({ name }) => name);
  const mistakes = [...(schema === undefined ? [] : [schema]), table, ...names].flatMap((name) => {
    if (name === "" || name.includes("\0")) return [`${JSON.stringify(name)} is no name`];
    const bytes = Buffer.byteLength(name);
    return bytes > mostNameBytes ? [`${name} has ${bytes} bytes, and PostgreSQL cuts names off at ${mostNameBytes}`] : [];
  });
  for (const [i, name] of names.entries()) {
    if (names.indexOf(name) !== i) mistakes.push(`there are two columns ${name}`);
    if (ownColumns.some((own) => own.name === name)) mistakes.push(`${name} is a column of Millrace's own: choose another name`);
  }
  if (key.length === 0) mistakes.push("the key names no column: a row must be found again");
  for (const name of key) if (!names.includes(name)) mistakes.push(`the key ${name} is none of the columns (${names.join(", ")})`);
  for (const [i, name] of key.entries()) if (key.indexOf(name) !== i) mistakes.push(`the key names ${name} twice`);
  if (mistakes.length > 0) throw new PostgresError("POSTGRES_TABLE_MALFORMED", `table ${table}: ${mistakes.join("; ")}`);
}
