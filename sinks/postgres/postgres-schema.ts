import type { PostgresConnection } from "./postgres-connection.ts";
import { PostgresError } from "./postgres-error.ts";
import { nameOf, ownColumns, type PostgresTable, type PostgresType, quoted } from "./postgres-table.ts";

/** What the catalogue calls a type; the first is what a table is made with. */
const catalogueNames: Record<PostgresType, readonly string[]> = {
  text: ["text", "character varying"],
  bigint: ["bigint"],
  numeric: ["numeric"],
  timestamptz: ["timestamp with time zone"],
  boolean: ["boolean"],
  jsonb: ["jsonb"],
  "double precision": ["double precision"],
};

const columnsQuery = `SELECT a.attname::text AS name, format_type(a.atttypid, NULL) AS type,
  (a.attnotnull AND NOT a.atthasdef AND a.attidentity = '') AS required
  FROM pg_attribute a WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped`;
const keysQuery = `SELECT json_agg(a.attname::text) AS names FROM pg_index i
  CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(number, place)
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
  WHERE i.indrelid = to_regclass($1) AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL AND k.place <= i.indnkeyatts
  GROUP BY i.indexrelid`;

/** Makes the table when it is missing; else sees that it can be written to, and changes nothing. @throws {PostgresError} `POSTGRES_TABLE_MISMATCH` */
export async function ensureTable(connection: PostgresConnection, table: PostgresTable, signal: AbortSignal): Promise<void> {
  const name = nameOf(table);
  const [found] = await connection.query("SELECT to_regclass($1) IS NOT NULL AS exists", [name], signal);
  if (found?.["exists"] !== true) await connection.query(creationOf(table), [], signal);
  const columns = await connection.query(columnsQuery, [name], signal);
  const keys = await connection.query(keysQuery, [name], signal);
  const mistakes = [...columnMistakes(table, columns as ColumnFound[]), ...keyMistakes(table, keys as KeyFound[])];
  if (mistakes.length === 0) return;
  throw new PostgresError("POSTGRES_TABLE_MISMATCH", `table ${name} cannot be written to as described: ${mistakes.join("; ")}`);
}

type ColumnFound = { readonly name: string; readonly type: string; readonly required: boolean };
type KeyFound = { readonly names: readonly string[] };

export function creationOf(table: PostgresTable): string {
  const columns = table.columns.map(({ name, type }) => `${quoted(name)} ${type}`);
  const own = ownColumns.map(({ name, type }) => `${quoted(name)} ${type} NOT NULL`);
  return `CREATE TABLE IF NOT EXISTS ${nameOf(table)} (${[...columns, ...own].join(", ")}, PRIMARY KEY (${table.key.map(quoted).join(", ")}))`;
}

function columnMistakes(table: PostgresTable, found: readonly ColumnFound[]): string[] {
  const wanted = [...table.columns, ...ownColumns];
  const alter = `ALTER TABLE ${nameOf(table)}`;
  const mistakes = wanted.flatMap(({ name, type }) => {
    const there = found.find((column) => column.name === name);
    if (there === undefined) return [`it has no column ${name}: ${alter} ADD COLUMN ${quoted(name)} ${type}`];
    if (catalogueNames[type].includes(there.type)) return [];
    return [`${name} is ${there.type}, not ${type}: ${alter} ALTER COLUMN ${quoted(name)} TYPE ${type}, or describe it otherwise`];
  });
  for (const { name, required } of found) {
    if (!required || wanted.some((column) => column.name === name)) continue;
    mistakes.push(`${name} must not be NULL and nothing is written to it: ${alter} ALTER COLUMN ${quoted(name)} DROP NOT NULL`);
  }
  return mistakes;
}

function keyMistakes(table: PostgresTable, found: readonly KeyFound[]): string[] {
  const wanted = new Set(table.key);
  if (found.some(({ names }) => names.length === wanted.size && names.every((name) => wanted.has(name)))) return [];
  const list = table.key.map(quoted).join(", ");
  return [`no unique index has just the key (${table.key.join(", ")}): CREATE UNIQUE INDEX ON ${nameOf(table)} (${list})`];
}
