import type { PostgresRow, PostgresValue } from "#sinks/postgres/postgres-row.ts";
import { checkTable, type PostgresColumn, type PostgresType } from "#sinks/postgres/postgres-table.ts";
import { PostgresError } from "#sinks/postgres/postgres-error.ts";
import { valueToJson } from "#schemas/event-json.ts";
import { formatAmount, formatDecimal, type Money } from "#schemas/money.ts";
import { type ExpressionType, nonNull, typeName } from "../expressions/expression-type.ts";
import { isNull } from "../expressions/operand.ts";
import { readFields, readTexts } from "../parse/map-reader.ts";
import type { NamedText, Text } from "../parse/syntax.ts";
import { mostTableConnections } from "../shape/sink-shape.ts";
import type { SinkOpener } from "./delivery-plan.ts";
import { fieldsOf, type SeenRecord } from "./sink-source.ts";
import type { SinkScope } from "./sink-scope.ts";

type Column = PostgresColumn & { readonly path: string | undefined; readonly of: (seen: SeenRecord) => PostgresValue };

/** `postgres: { url, schema, table, columns, key, connections }`. A record without a value deletes its row. */
export function postgresSink(scope: SinkScope): SinkOpener | undefined {
  const { settings, see, report } = scope;
  for (const field of ["url", "table"]) settings.required(field);
  const [url, table, schema] = [scope.setting("url"), settings.text("table"), settings.text("schema")];
  const connections = settings.count("connections", mostTableConnections);
  const columns = columnsOf(scope);
  const key = keyOf(scope, columns);
  if (url === undefined || table === undefined || columns === undefined || key === undefined) return undefined;
  const description = {
    table: table.text,
    ...(schema === undefined ? {} : { schema: schema.text }),
    columns: columns.map(({ name, type }) => ({ name, type })),
    key: key.map(({ text }) => text),
  };
  try {
    checkTable(description);
  } catch (error) {
    if (!(error instanceof PostgresError)) throw error;
    scope.wrong(table.place, error.message);
    return undefined;
  }
  checkOrder(scope, key, columns);
  const isKey = new Set(description.key);
  const rowOf = (seen: SeenRecord, isGone: boolean): PostgresRow =>
    Object.fromEntries(columns.filter(({ name }) => !isGone || isKey.has(name)).map(({ name, of }) => [name, of(seen)]));
  return {
    takesNull: true,
    does: [
      `keeps table ${schema === undefined ? "" : `${schema.text}.`}${table.text} by (${description.key.join(", ")}): ${columns.map(({ name, type }) => `${name} ${type}`).join(", ")}`,
    ],
    open: async ({ environment, origin, callMs }) => {
      const [{ PostgresSink }, { connectPostgres }] = await Promise.all([
        import("#sinks/postgres/postgres-sink.ts"),
        import("#sinks/postgres/postgres-connection.ts"),
      ]);
      return new PostgresSink({
        ...description,
        connection: connectPostgres({ url: url.resolve(environment), callMs, ...(connections === undefined ? {} : { connections }) }),
        origin: origin === "" ? "" : `${origin}/`,
        callMs,
        render: (record) => rowOf(see(record), record.value === null),
      });
    },
  };

  function keyOf({ source }: SinkScope, known: readonly Column[] | undefined): readonly Text[] | undefined {
    const entry = settings.entry("key");
    if (entry === undefined) {
      const apart = source.identity.length > 0 ? source.identity : source.key.flatMap(({ path }) => path ?? []);
      const hint = apart.length === 0 ? "" : `; what tells these records apart is [${apart.join(", ")}]`;
      report("TOPOLOGY_MISSING_FIELD", settings.place, `${settings.what} needs "key": which columns name a row${hint}`);
      return undefined;
    }
    const names = readTexts(entry.value, `"key" of ${settings.what}`, report);
    const unknown = names.filter(({ text }) => known !== undefined && !known.some(({ name }) => name === text));
    for (const { text, place } of unknown) {
      report("TOPOLOGY_UNKNOWN_VALUE", place, `"${text}" is none of the columns (${known!.map(({ name }) => name).join(", ")})`);
    }
    return unknown.length > 0 || names.length === 0 ? undefined : names;
  }
}

/** Of `columns:`, or a column for each field of the value. */
function columnsOf(scope: SinkScope): readonly Column[] | undefined {
  const { settings, source, report } = scope;
  const entry = settings.entry("columns");
  const named: readonly NamedText[] =
    entry === undefined
      ? fieldsOf(source).map(({ name }) => ({
          name,
          place: settings.place,
          of: { text: name, place: settings.place, at: () => settings.place },
        }))
      : readFields(entry.value, `"columns" of ${settings.what}`, report);
  const columns = named.flatMap(({ name, of }): Column[] => {
    const { type, path, evaluate } = scope.expression(of);
    const column = columnType(type);
    if (column === undefined) {
      if (type.kind !== "unknown")
        report("TOPOLOGY_EXPRESSION_TYPE", of.place, `no column of PostgreSQL holds ${typeName(type)}: \`${of.text}\``);
      return [];
    }
    return [
      {
        name,
        path,
        type: column.type,
        of: ({ value, record }) => {
          const found = evaluate(value, record);
          return isNull(found) ? null : column.write(found);
        },
      },
    ];
  });
  return columns.length === 0 || columns.length < named.length ? undefined : columns;
}

type ColumnType = { readonly type: PostgresType; readonly write: (value: unknown) => PostgresValue };

const plainColumns: Readonly<Partial<Record<ExpressionType["kind"], PostgresType>>> = {
  string: "text",
  int: "bigint",
  long: "bigint",
  double: "double precision",
  boolean: "boolean",
  timestamp: "timestamptz",
};

/** As in the rows of queries, money is its amount; what has parts is JSON. */
function columnType(given: ExpressionType): ColumnType | undefined {
  const type = nonNull(given);
  const plain = plainColumns[type.kind];
  if (plain !== undefined) return { type: plain, write: (value) => value as PostgresValue };
  if (type.kind === "money") return { type: "numeric", write: (value) => formatAmount((value as Money).amount) };
  if (type.kind === "decimal") return { type: "numeric", write: (value) => formatDecimal(value as bigint, type.scale) };
  if (type.kind !== "array" && type.kind !== "map" && type.kind !== "record") return undefined;
  return { type: "jsonb", write: (value) => valueToJson(type, value) as PostgresValue };
}

/** Only records of one key come in order. Where rows are named without what the records are keyed by, two partitions may write the same one. */
function checkOrder({ source, report, settings }: SinkScope, key: readonly Text[], columns: readonly Column[]): void {
  const paths = new Set(columns.filter(({ name }) => key.some(({ text }) => text === name)).map(({ path }) => path));
  const lacks = source.key.filter(({ path, constant }) => constant !== true && (path === undefined || !paths.has(path)));
  if (source.key.length > 0 && lacks.length === 0) return;
  // The key of an event stands for its rows when it is theirs one to one, as an order's number is.
  const names = source.key.length === 0 ? "nothing that is known" : source.key.map(({ name, path }) => path ?? name).join(", ");
  report(
    "TOPOLOGY_SINK_ORDER",
    settings.entry("key")!.place,
    `rows are named by (${key.map(({ text }) => text).join(", ")}), and the records are keyed by ${names}: two that come to one row may come in either order`,
  );
}
