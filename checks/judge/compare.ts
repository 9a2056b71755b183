import { type AnswerRow, type Answers, type QueryName, queryNames } from "./answers.ts";

/** Which columns name a row; the others are what it says. Alerts say nothing but their name: they are counted. */
const keys: Readonly<Record<QueryName, readonly string[]>> = {
  "orders-by-day": ["window_start", "country"],
  "cancellations-by-day": ["window_start", "country"],
  "sales-by-sku": ["sku"],
  "stock-levels": ["sku"],
  "top-products-by-day": ["window_start", "rank"],
  "customers-by-day": ["window_start"],
  "fraud-alerts": ["rule", "subject", "orderId", "at"],
};

const times: ReadonlySet<string> = new Set(["window_start", "window_end", "at"]);
const texts: ReadonlySet<string> = new Set(["country", "sku", "rule", "subject", "orderId"]);
const shown = 10;

/**
 * Compares what the server answered (`ndjson` of `?format=ndjson`, one object a row, in any order) with what must come out.
 * Answers lines that say what differs, the first ten of each query in full; none if all is the same. Numbers are compared as decimals
 * (`1.5` = `"1.50"`), times as instants; columns that are not asked for are passed over.
 */
export function compareAnswers(expected: Answers, ndjson: Readonly<Partial<Record<QueryName, string>>>): string[] {
  return queryNames.flatMap((query) => {
    const rows = expected[query];
    const text = ndjson[query];
    if (rows === undefined) return [];
    return text === undefined ? [`${query}: not answered; ${rows.length} rows expected`] : compareRows(query, rows, text);
  });
}

function compareRows(query: QueryName, expected: readonly AnswerRow[], ndjson: string): string[] {
  const columns = expected[0] === undefined ? keys[query] : Object.keys(expected[0]);
  const actual = parseRows(query, ndjson, columns);
  const wanted = byKey(query, expected);
  const got = byKey(query, actual);
  const differences: string[] = [];
  for (const [key, rows] of wanted) {
    const others = got.get(key) ?? [];
    if (others.length === 0) differences.push(`missing     ${show(rows[0]!)}`);
    else if (others.length !== rows.length) differences.push(`${others.length} times instead of ${rows.length}: ${show(others[0]!)}`);
    else differences.push(...differingColumns(rows[0]!, others[0]!).map((difference) => `different   ${key}: ${difference}`));
  }
  for (const [key, rows] of got) if (!wanted.has(key)) differences.push(`unexpected  ${show(rows[0]!)}`);
  if (differences.length === 0) return [];
  const more = differences.length > shown ? [`  … and ${differences.length - shown} more`] : [];
  return [
    `${query}: ${differences.length} differences (${expected.length} rows expected, ${actual.length} answered)`,
    ...differences.slice(0, shown).map((line) => `  ${line}`),
    ...more,
  ];
}

function parseRows(query: QueryName, ndjson: string, columns: readonly string[]): AnswerRow[] {
  const lines = ndjson.split("\n").filter((line) => line.trim() !== "");
  return lines.map((line, i) => {
    let row: Readonly<Record<string, unknown>>;
    try {
      row = JSON.parse(line) as Readonly<Record<string, unknown>>;
    } catch {
      throw new Error(`${query}: line ${i + 1} of the answer is no JSON: ${line.slice(0, 200)}`);
    }
    return Object.fromEntries(columns.map((column) => [column, canonical(column, row[column])]));
  });
}

/** One text for all ways to write the same value; what is no value of its column stays as it was written. */
export function canonical(column: string, value: unknown): string {
  if (value === undefined) return "(no such column)";
  if (times.has(column)) {
    const time = typeof value === "number" ? value : typeof value === "string" ? Date.parse(value) : Number.NaN;
    return Number.isNaN(time) ? JSON.stringify(value) : new Date(time).toISOString();
  }
  if (texts.has(column)) return typeof value === "string" ? value : JSON.stringify(value);
  const text = typeof value === "string" || typeof value === "number" ? String(value) : JSON.stringify(value);
  const match = /^(-?)0*(\d+?)(?:\.(\d*?)0*)?$/.exec(text);
  if (match === null) return text;
  const [, sign = "", whole = "", places = ""] = match;
  const number = places === "" ? whole : `${whole}.${places}`;
  return number === "0" ? "0" : `${sign}${number}`;
}

function differingColumns(expected: AnswerRow, actual: AnswerRow): string[] {
  return Object.entries(expected)
    .map(([column, value]) => [column, canonical(column, value), actual[column]!] as const)
    .filter(([, wanted, got]) => wanted !== got)
    .map(([column, wanted, got]) => `${column} is ${got}, not ${wanted}`);
}

function byKey(query: QueryName, rows: readonly AnswerRow[]): Map<string, AnswerRow[]> {
  return Map.groupBy(rows, (row) => keys[query].map((column) => canonical(column, row[column])).join(" "));
}

function show(row: AnswerRow): string {
  return JSON.stringify(row);
}
