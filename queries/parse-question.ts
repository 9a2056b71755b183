import { parseTokens } from "@millrace/engine";
import { parseTimestamp } from "#schemas/timestamp.ts";
import { nearest } from "#topology/did-you-mean.ts";
import type { CatalogueEntry } from "./catalogue.ts";
import { parseCursor } from "./cursor.ts";
import type { QueryProblem } from "./problem.ts";
import { formats, type Format, type QueryRequest, type TimeBound } from "./query-request.ts";
import { canonicalText, expectedText } from "./row-filter.ts";

export const parameters = ["format", "limit", "cursor", "order", "from", "to", "after"] as const;
export type Parameter = (typeof parameters)[number];

/** Rows of a page: what is given unasked, and the most that is given. */
export const pageRows = { default: 1000, most: 10_000 } as const;
/** Seconds that an answer waits for a token: unasked, and at most. */
export const waitSeconds = { default: 2, most: 60 } as const;

export type Question = {
  readonly request: QueryRequest;
  /** All rows at once, streamed; else one page of at most `request.limit` rows. */
  readonly whole: boolean;
  /** What `limit` or `wait` were asked for, where less is given. */
  readonly askedLimit: number | undefined;
  readonly waitApplied: number | undefined;
};

export type ParsedQuestion =
  | { readonly kind: "question"; readonly question: Question }
  | { readonly kind: "problem"; readonly problem: QueryProblem };

export type Asked = {
  readonly parameters: URLSearchParams;
  readonly format: Format;
  /** The `Prefer` header. */
  readonly prefer: string | undefined;
};

class Refusal {
  readonly problem: QueryProblem;
  constructor(problem: QueryProblem) {
    this.problem = problem;
  }
}

const refuse = (slug: QueryProblem["slug"], detail: string, more?: Readonly<Record<string, unknown>>): Refusal =>
  new Refusal({ slug, detail, ...(more === undefined ? {} : { more }) });

/** Reads what a client asks of one query; the first mistake is told with what would be right. */
export function parseQuestion(entry: CatalogueEntry, asked: Asked): ParsedQuestion {
  const parsed = readQuestion(entry, asked);
  return parsed instanceof Refusal ? { kind: "problem", problem: parsed.problem } : { kind: "question", question: parsed };
}

function readQuestion(entry: CatalogueEntry, { parameters: given, format, prefer }: Asked): Question | Refusal {
  const columns = new Map(entry.columns.map((column) => [column.name, column]));
  const filters = new Map<string, Set<string>>();
  const single = new Map<Parameter, string>();
  for (const [name, text] of given) {
    if (isParameter(name)) {
      if (single.has(name)) return refuse("invalid-parameter", `"${name}" is given twice`, { parameter: name });
      single.set(name, text);
      continue;
    }
    const column = columns.get(name);
    if (column === undefined) return unknownFilter(name, entry);
    const canonical = canonicalText(text, column.type);
    if (canonical === undefined) return refuse("invalid-parameter", `"${name}" is ${expectedText[column.type]}`, { parameter: name });
    filters.set(name, (filters.get(name) ?? new Set()).add(canonical));
  }
  const from = boundOf("from", single.get("from"), entry);
  if (from instanceof Refusal) return from;
  const to = boundOf("to", single.get("to"), entry);
  if (to instanceof Refusal) return to;
  const order = orderOf(single.get("order"), entry);
  if (order instanceof Refusal) return order;
  const limit = limitOf(single.get("limit"));
  if (limit instanceof Refusal) return limit;
  const question = { query: entry.name, filters: [...filters].map(([name, texts]) => [name, [...texts]] as const) };
  const cursor = single.get("cursor");
  if (cursor !== undefined && order !== undefined)
    return refuse("invalid-parameter", '"cursor" and "order" do not go together: an ordered answer is one page', { parameter: "cursor" });
  const position = cursor === undefined ? undefined : parseCursor(cursor, question);
  if (cursor !== undefined && position === undefined)
    return refuse("invalid-cursor", "this cursor was not given for this query and these filters");
  const after = afterOf(single.get("after"));
  if (after instanceof Refusal) return after;
  const wait = after.length === 0 ? undefined : waitOf(prefer);
  const whole = format !== "json" && limit === undefined && order === undefined;
  return {
    request: {
      ...question,
      format,
      from,
      to,
      order,
      position,
      after,
      waitMs: (wait ?? 0) * 1000,
      limit: whole ? Number.MAX_SAFE_INTEGER : Math.min(limit ?? pageRows.default, pageRows.most),
    },
    whole,
    askedLimit: limit !== undefined && limit > pageRows.most ? limit : undefined,
    waitApplied: wait,
  };
}

const isParameter = (name: string): name is Parameter => (parameters as readonly string[]).includes(name);

function unknownFilter(name: string, { name: query, columns, windowed }: CatalogueEntry): Refusal {
  const known = [...columns.map((column) => column.name), ...parameters.filter((one) => windowed || (one !== "from" && one !== "to"))];
  const [near] = nearest(name.slice(0, 64), known);
  const hint = near === undefined ? "" : `; did you mean "${near}"?`;
  return refuse("unknown-filter", `"${query}" has no column "${name.slice(0, 64)}"${hint}`, {
    columns: columns.map((column) => column.name),
    parameters,
    ...(near === undefined ? {} : { didYouMean: near }),
  });
}

const spans: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function boundOf(
  name: "from" | "to",
  text: string | undefined,
  { name: query, windowed }: CatalogueEntry,
): TimeBound | undefined | Refusal {
  if (text === undefined) return undefined;
  if (!windowed) return refuse("unknown-filter", `"${name}" bounds windows, and "${query}" has none`, { parameter: name });
  const back = /^-(\d{1,9})([smhd])$/.exec(text);
  if (back !== null) return { kind: "back", ms: Number(back[1]) * spans[back[2]!]! };
  const ms = parseTimestamp(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text);
  if (ms !== undefined) return { kind: "at", ms };
  return refuse(
    "invalid-parameter",
    `"${name}" is a time (2011-04-01T08:05:00Z), a day (2011-04-01) or a span before the newest event (-30m)`,
    { parameter: name },
  );
}

function orderOf(text: string | undefined, { name: query, columns }: CatalogueEntry): QueryRequest["order"] | Refusal {
  if (text === undefined) return undefined;
  const column = text.replace(/^-/, "");
  if (columns.some(({ name }) => name === column)) return { column, descending: text.startsWith("-") };
  const [near] = nearest(
    column.slice(0, 64),
    columns.map(({ name }) => name),
  );
  return refuse(
    "invalid-parameter",
    `"order" is a column of "${query}", with - before it to begin with the highest${near === undefined ? "" : `; did you mean "${near}"?`}`,
    {
      parameter: "order",
      columns: columns.map(({ name }) => name),
    },
  );
}

function limitOf(text: string | undefined): number | undefined | Refusal {
  if (text === undefined) return undefined;
  const limit = /^\d{1,15}(e\d{1,2})?$/i.test(text) ? Number(text) : Number.NaN;
  return limit >= 1 ? limit : refuse("invalid-parameter", '"limit" is a whole number, at least 1', { parameter: "limit" });
}

function afterOf(text: string | undefined): QueryRequest["after"] | Refusal {
  if (text === undefined) return [];
  const parsed = parseTokens(text);
  if (parsed.kind === "positions") return parsed.positions;
  return refuse("invalid-token", `${parsed.reason}: ${JSON.stringify(parsed.part)} is none`, { parameter: "after" });
}

/** `wait` of a Prefer header (RFC 7240); a preference that cannot be read is none. */
function waitOf(prefer: string | undefined): number {
  for (const preference of prefer?.split(",") ?? []) {
    const wait = /^\s*wait\s*=\s*"?(\d{1,9})"?\s*(;.*)?$/i.exec(preference)?.[1];
    if (wait !== undefined) return Math.min(Number(wait), waitSeconds.most);
  }
  return waitSeconds.default;
}

const mediaTypes: Readonly<Record<Format, readonly string[]>> = {
  json: ["application/json", "application/*", "*/*"],
  ndjson: ["application/x-ndjson", "application/ndjson", "application/jsonl"],
  csv: ["text/csv", "text/*"],
  // Only for those who ask by name: programs want the plain one.
  spreadsheet: [],
};

export const contentTypes: Readonly<Record<Format, string>> = {
  json: "application/json",
  ndjson: "application/x-ndjson",
  csv: "text/csv; charset=utf-8; header=present",
  spreadsheet: "text/csv; charset=utf-8; header=present",
};

export const isFormat = (text: string): text is Format => (formats as readonly string[]).includes(text);

/** The format that an Accept header likes best, of equals the one named first; undefined: none of ours. */
export function acceptedFormat(accept: string | undefined): Format | undefined {
  if (accept === undefined || accept.trim() === "") return "json";
  let best: Format | undefined;
  let most = 0;
  for (const range of accept.split(",")) {
    const [type = "", ...attributes] = range.split(";").map((part) => part.trim().toLowerCase());
    const weight = Number(attributes.find((attribute) => attribute.startsWith("q="))?.slice(2) ?? 1);
    const format = formats.find((one) => mediaTypes[one].includes(type));
    if (format !== undefined && weight > most) [best, most] = [format, weight];
  }
  return best;
}
