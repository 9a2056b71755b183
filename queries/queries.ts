import type { HttpBindings } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { nearest } from "#topology/did-you-mean.ts";
import { collectPage, streamWhole } from "./answer-body.ts";
import { type CatalogueEntry } from "./catalogue.ts";
import { acceptedFormat, isFormat, pageRows, parseQuestion, waitSeconds } from "./parse-question.ts";
import { problemResponse, type QueryProblem } from "./problem.ts";
import { formats, type Format, type QueryAnswerer } from "./query-request.ts";
import type { Streams } from "./stream/streams.ts";

export type QueriesOptions = {
  readonly catalogue: readonly CatalogueEntry[];
  readonly answerer: QueryAnswerer;
  /** Milliseconds since the epoch. */
  readonly nowMs?: () => number;
  /** Hears of bugs, and of answers that broke off. */
  readonly onError?: (error: unknown) => void;
  /** How long the engine may take for a slice beyond what the client wants to wait. */
  readonly answerTimeoutMs?: number;
  /** Without them, streams are refused as not available here. */
  readonly streams?: Streams;
};

export const queriesPath = "/v1/queries";

/** The routes of the reading room: the catalogue, and each query under its name. */
export function createQueries(options: QueriesOptions): Hono {
  const { catalogue, answerer, nowMs = Date.now, onError = () => undefined, answerTimeoutMs = 10_000, streams } = options;
  const byName = new Map(catalogue.map((entry) => [entry.name, entry]));
  const app = new Hono();

  app.get(queriesPath, (c) => c.json(describeCatalogue(catalogue, streams !== undefined), 200, { "Cache-Control": "no-store" }));
  app.get(`${queriesPath}/:name`, async (c) => {
    const named = entryOf(c.req.param("name"), byName);
    if (named === undefined) return problemResponse(unknownQuery(c.req.param("name"), catalogue));
    const format = formatOf(c, named.format);
    if (typeof format !== "string") return problemResponse(format.problem);
    const parsed = parseQuestion(named.entry, { parameters: new URL(c.req.url).searchParams, format, prefer: c.req.header("prefer") });
    if (parsed.kind === "problem") return problemResponse(parsed.problem);
    const { question } = parsed;
    const ask = {
      answerer,
      nowMs,
      onError,
      answerTimeoutMs,
      breakOff: () => breakOff(c),
      ifNoneMatch: c.req.header("if-none-match"),
      gone: c.req.raw.signal,
    };
    try {
      return question.whole
        ? await streamWhole(named.entry, question, ask)
        : await collectPage(named.entry, question, { ...ask, url: new URL(c.req.url) });
    } catch (error) {
      if (!c.req.raw.signal.aborted) onError(error);
      return problemResponse({ slug: "internal-error", detail: "the query could not be answered" });
    }
  });
  app.get(`${queriesPath}/:name/stream`, async (c) => {
    const entry = byName.get(c.req.param("name"));
    if (entry === undefined) return problemResponse(unknownQuery(c.req.param("name"), catalogue));
    if (streams === undefined) return problemResponse(noStreams);
    try {
      return await streams.respond(entry, c.req.raw, () => void breakOff(c));
    } catch (error) {
      if (!c.req.raw.signal.aborted) onError(error);
      return problemResponse({ slug: "internal-error", detail: "the stream could not be begun" });
    }
  });
  for (const path of [queriesPath, `${queriesPath}/:name`, `${queriesPath}/:name/stream`]) {
    app.all(path, () => problemResponse({ slug: "method-not-allowed", detail: "queries are read", headers: { Allow: "GET, HEAD" } }));
  }
  return app;
}

const breakOff = (c: Context): boolean => (c.env as Partial<HttpBindings> | undefined)?.outgoing?.destroy() !== undefined;

/** A name may end in a format, as spreadsheets like it: `sales-by-sku.csv`. */
function entryOf(
  name: string,
  byName: ReadonlyMap<string, CatalogueEntry>,
): { readonly entry: CatalogueEntry; readonly format?: Format } | undefined {
  const entry = byName.get(name);
  if (entry !== undefined) return { entry };
  const format = formats.find((one) => name.endsWith(`.${one}`));
  const plain = format === undefined ? undefined : byName.get(name.slice(0, -format.length - 1));
  return format === undefined || plain === undefined ? undefined : { entry: plain, format };
}

function formatOf(c: Context, bySuffix: Format | undefined): Format | { readonly problem: QueryProblem } {
  const asked = c.req.query("format") ?? bySuffix;
  if (asked !== undefined) {
    if (isFormat(asked)) return asked;
    return { problem: { slug: "invalid-parameter", detail: `"format" is one of ${formats.join(", ")}`, more: { parameter: "format" } } };
  }
  const accepted = acceptedFormat(c.req.header("accept"));
  return accepted ?? { problem: { slug: "not-acceptable", detail: "answers are application/json, application/x-ndjson or text/csv" } };
}

function unknownQuery(name: string, catalogue: readonly CatalogueEntry[]): QueryProblem {
  const [near] = nearest(
    name.slice(0, 64),
    catalogue.map((entry) => entry.name),
  );
  return {
    slug: "unknown-query",
    detail: `there is no query "${name.slice(0, 64)}"${near === undefined ? "" : `; did you mean "${near}"?`}`,
    more: { ...(near === undefined ? {} : { didYouMean: near }), queries: queriesPath },
  };
}

const noStreams: QueryProblem = { slug: "stream-not-available", detail: "queries are answered here, but not streamed" };

function describeCatalogue(catalogue: readonly CatalogueEntry[], streamed: boolean): object {
  return {
    queries: catalogue.map(({ name, kind, keyColumns, columns, window, topics }) => ({
      name,
      kind,
      key: keyColumns,
      columns,
      ...(window === undefined ? {} : { window }),
      topics,
      links: {
        ...Object.fromEntries(formats.map((format) => [format, `${queriesPath}/${encodeURIComponent(name)}?format=${format}`])),
        ...(streamed ? { stream: `${queriesPath}/${encodeURIComponent(name)}/stream` } : {}),
      },
    })),
    formats,
    limits: { pageRows, waitSeconds },
  };
}
