import type { CatalogueEntry } from "#queries/catalogue.ts";
import { pageRows, parameters as reserved, waitSeconds } from "#queries/parse-question.ts";
import type { QueryProblemSlug } from "#queries/problem.ts";
import { formats } from "#queries/query-request.ts";
import { expectedText } from "#queries/row-filter.ts";
import { decimalPattern } from "#schemas/json/text-patterns.ts";
import type { ColumnType, QueryColumn } from "#topology/plan/query-plan.ts";
import { answer, jsonAnswer, object, type Part, problemAnswers, queryProblem, schemaRef, text } from "./answers.ts";

export const pullProblems: readonly QueryProblemSlug[] = [
  "unknown-filter",
  "invalid-parameter",
  "invalid-cursor",
  "invalid-token",
  "not-acceptable",
  "internal-error",
  "query-unavailable",
  "after-not-reached",
];
export const streamProblems: readonly QueryProblemSlug[] = [
  "unknown-filter",
  "invalid-parameter",
  "not-acceptable",
  "too-many-readers",
  "internal-error",
  "query-unavailable",
];

/** Name of the schema of a query's rows. */
export const rowSchemaName = (query: string): string => `row.${query.replaceAll(/[^\w.-]/g, "_")}`;

/** The schemas of all rows, by name, and of what pages have in common. */
export function querySchemas(catalogue: readonly CatalogueEntry[]): Part {
  return {
    ...Object.fromEntries(catalogue.map((entry) => [rowSchemaName(entry.name), rowSchema(entry)])),
    Column: object({
      name: text("As the rows have it."),
      type: text("What its cells are."),
      nullable: { type: "boolean" },
      "unit?": text("What it counts."),
    }),
    AsOf: object(
      {
        streamTime: { type: ["string", "null"], format: "date-time" },
        offsets: { type: "object", description: "By topic and partition, the next offset to be read." },
      },
      { description: "The committed state that the rows were read from." },
    ),
  };
}

const cells: Readonly<Record<ColumnType, Part>> = {
  string: { type: "string" },
  int: { type: "integer" },
  double: { type: "number" },
  boolean: { type: "boolean" },
  timestamp: { type: "string", format: "date-time" },
  decimal: { type: "string", pattern: decimalPattern({ precision: 200, scale: 18, negative: true }) },
  json: {},
};

const cellOf = ({ type, nullable, unit }: QueryColumn): Part => {
  const described = unit === undefined ? cells[type] : { ...cells[type], description: `In units of ${unit}.` };
  return nullable && type !== "json" ? { anyOf: [described, { type: "null" }] } : described;
};

function rowSchema({ name, columns, windowed }: CatalogueEntry): Part {
  const final = { type: "boolean", description: "No record can change the row any more; in JSON pages and for spreadsheets only." };
  const shown = Object.fromEntries(columns.map((column) => [column.name, cellOf(column)]));
  return object({ ...shown, ...(windowed ? { "final?": final } : {}) }, { description: `A row of ${name}.` });
}

/** `GET /v1/queries/{name}` of one query. */
export function pullOperation(entry: CatalogueEntry): Part {
  const { name, kind, columns, windowed, topics } = entry;
  const row = schemaRef(rowSchemaName(name));
  const page = object({
    query: { const: name },
    key: { type: "array", items: { type: "string" } },
    schema: { type: "array", items: schemaRef("Column") },
    rows: { type: "array", items: row },
    asOf: schemaRef("AsOf"),
    complete: { type: "boolean", description: "There are no rows behind these." },
    next: { type: ["string", "null"], description: "The cursor of the next page." },
  });
  return {
    operationId: `query_${operationName(name)}`,
    tags: ["Queries"],
    summary: summaryOf(entry),
    description: `Rows of the node ${name} (${kindWords[kind]}), as of the last commit. Columns: ${columns.map((column) => column.name).join(", ")}.`,
    parameters: [
      parameter(
        "format",
        "How rows are given; else by the Accept header. `spreadsheet` is CSV whose times and letters spreadsheets read, and that says what is final.",
        { type: "string", enum: formats },
      ),
      ...bounds(windowed),
      parameter("order", "A column to order by, with - before it to begin with the highest.", {
        type: "string",
        enum: columns.flatMap((column) => [column.name, `-${column.name}`]),
      }),
      parameter("limit", `Rows of a page, ${pageRows.default} unless said, ${pageRows.most} at most.`, { type: "integer", minimum: 1 }),
      parameter("cursor", "Where the page before ended (`next`).", { type: "string" }),
      parameter(
        "after",
        `Tokens of posted events, joined by commas: waits until the answer shows them. Of ${topics.join(", ") || "no topic"}.`,
        { type: "string" },
      ),
      {
        name: "Prefer",
        in: "header",
        description: `\`wait=N\` with \`after\`: seconds to wait, ${waitSeconds.default} unless said, ${waitSeconds.most} at most.`,
        schema: { type: "string" },
      },
      { name: "If-None-Match", in: "header", description: "The ETag of the answer at hand.", schema: { type: "string" } },
      ...filters(columns),
    ],
    responses: {
      200: {
        description: "Rows.",
        headers: {
          "X-Data-As-Of": { description: "Greatest event time that was read.", schema: { type: "string", format: "date-time" } },
          ETag: { description: "Of this answer.", schema: { type: "string" } },
          "X-Next-Cursor": { description: "The cursor of the next page.", schema: { type: "string" } },
        },
        content: {
          "application/json": { schema: page },
          "application/x-ndjson": { schema: { type: "string", description: "One row a line, all of them unless `limit` says otherwise." } },
          "text/csv": { schema: { type: "string", description: "A header row, then one row a line." } },
        },
      },
      304: { description: "The answer at hand (`If-None-Match`) is still the answer." },
      ...problemAnswers(pullProblems.map(queryProblem)),
    },
  };
}

/** What is in it, in few words: `by country and window: orders, units, revenue`. */
function summaryOf({ keyColumns, columns, windowed }: CatalogueEntry): string {
  const bounds = windowed ? ["window_start", "window_end"] : [];
  const values = columns.map(({ name }) => name).filter((name) => !keyColumns.includes(name) && !bounds.includes(name));
  const by = [...keyColumns.filter((name) => !bounds.includes(name)), ...(windowed ? ["window"] : [])].join(" and ");
  return `${by === "" ? "" : `by ${by}: `}${values.join(", ")}`;
}

const kindWords: Readonly<Record<CatalogueEntry["kind"], string>> = {
  "key-value": "a table: one row a key",
  window: "one row a key and window of time",
  top: "a ranking",
};

/** `GET /v1/queries/{name}/stream` of one query. */
export function streamOperation({ name, columns, windowed }: CatalogueEntry): Part {
  return {
    operationId: `stream_${operationName(name)}`,
    tags: ["Streams"],
    summary: `${name}, as it changes`,
    description:
      "Server-sent events: `snapshot` {part, last, rows} and `upsert` {rows} hold pairs of a key and a row, `delete` {keys}, `expire` {partition, before, beforeMs} windows that are gone, " +
      "`progress` {streamTime, lagMs, finalBefore} that all up to here is told; at `reset` all rows are forgotten and a snapshot follows, at `drain` the server stops. " +
      "Comes back with `Last-Event-ID`, and goes on without gap or double.",
    parameters: [
      ...bounds(windowed),
      parameter("snapshot", "0: only what changes from now on.", { type: "string", enum: ["0", "1"], default: "1" }),
      parameter("lastEventId", "The same as the header.", { type: "string" }),
      { name: "Last-Event-ID", in: "header", description: "The last id that was read.", schema: { type: "string" } },
      ...filters(columns),
    ],
    responses: {
      200: answer("Events until either side ends.", "text/event-stream", {
        type: "string",
        description: `Rows are those of \`#/components/schemas/${rowSchemaName(name)}\`.`,
      }),
      ...problemAnswers(streamProblems.map(queryProblem)),
    },
  };
}

/** `GET /v1/queries`. */
export const catalogueOperation: Part = {
  operationId: "listQueries",
  tags: ["Queries"],
  summary: "What can be asked",
  description:
    "Every query with its columns, their types and units, its key, its window and the topics whose tokens it can be asked to wait for.",
  responses: {
    200: jsonAnswer(
      "The catalogue.",
      object({
        queries: {
          type: "array",
          items: object({
            name: text("The id of the node."),
            kind: { enum: ["key-value", "window", "top"] },
            key: { type: "array", items: { type: "string" } },
            columns: { type: "array", items: schemaRef("Column") },
            "window?": { type: "object" },
            topics: { type: "array", items: { type: "string" } },
            links: { type: "object", additionalProperties: { type: "string" } },
          }),
        },
        formats: { type: "array", items: { enum: formats } },
        limits: { type: "object" },
      }),
    ),
  },
};

const parameter = (name: string, description: string, schema: Part): Part => ({ name, in: "query", description, schema });

const bounds = (windowed: boolean): readonly Part[] =>
  windowed
    ? [
        parameter("from", "Windows that start at or behind this: a time, a day, or a span before the newest event (-30m).", {
          type: "string",
        }),
        parameter("to", "Windows that start before this.", { type: "string" }),
      ]
    : [];

/** A column called like a parameter cannot be filtered by. */
const filters = (columns: readonly QueryColumn[]): readonly Part[] =>
  columns
    .filter(({ name }) => !(reserved as readonly string[]).includes(name))
    .map(({ name, type }) => ({
      ...parameter(name, `Only rows with this ${name} (${expectedText[type]}), or with one of several.`, {
        type: "array",
        items: { type: "string" },
      }),
      explode: true,
    }));

const operationName = (name: string): string => name.replaceAll(/\W/g, "_");
