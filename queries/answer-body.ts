import { formatTimestamp } from "#schemas/timestamp.ts";
import type { CatalogueEntry } from "./catalogue.ts";
import { formatCursor } from "./cursor.ts";
import { contentTypes, type Question, pageRows } from "./parse-question.ts";
import { type QueryProblem, problemResponse } from "./problem.ts";
import { QueryError } from "./query-error.ts";
import { cacheControl, revalidated } from "./revalidation.ts";
import type { Answer, AsOf, Format, QueryAnswerer, QueryRequest } from "./query-request.ts";
import { headLine } from "./row-writer.ts";

export type Ask = {
  readonly answerer: QueryAnswerer;
  readonly nowMs: () => number;
  readonly onError: (error: unknown) => void;
  readonly answerTimeoutMs: number;
  /** Breaks the connection; false where there is none. */
  readonly breakOff: () => boolean;
  /** The `If-None-Match` header. */
  readonly ifNoneMatch: string | undefined;
  /** Aborts when the client goes away. */
  readonly gone: AbortSignal;
};

type Rows = Extract<Answer, { kind: "rows" }>;

/** One page: gathered before it is answered, so that its headers can say whether and where it goes on. */
export async function collectPage(entry: CatalogueEntry, question: Question, ask: Ask & { readonly url: URL }): Promise<Response> {
  const first = await askSlice(question.request, ask);
  if (first.kind !== "rows") return problemResponse(problemOf(first, ask.nowMs()));
  const slices: Rows[] = [first];
  let rows = first.rows;
  let last = first;
  while (last.next !== undefined && rows < question.request.limit) {
    const next = await askSlice(following(question.request, last, question.request.limit - rows), ask);
    if (next.kind !== "rows") return problemResponse(problemOf(next, ask.nowMs()));
    slices.push((last = next));
    rows += next.rows;
  }
  const next = last.next === undefined ? null : formatCursor(last.next, question.request);
  const headers = {
    ...headersOf(entry, question, { asOf: first.asOf, nowMs: ask.nowMs() }),
    "X-Limit": String(question.request.limit),
    ...(question.askedLimit === undefined ? {} : { "X-Limit-Clamped": `${question.askedLimit} to ${pageRows.most}` }),
    ...(next === null ? {} : { "X-Next-Cursor": next, Link: `<${withCursor(ask.url, next)}>; rel="next"` }),
  };
  const { format } = question.request;
  const bodies = slices.filter((slice) => slice.rows > 0).map(({ bytes }) => bytes);
  const parts = format === "json" ? jsonParts(entry, bodies, { asOf: first.asOf, next }) : [headLine(format, entry), ...bodies];
  return revalidated(Buffer.concat(parts.map((part) => Buffer.from(part))), headers, ask.ifNoneMatch);
}

/** All rows, slice by slice as the client takes them. The first slice is there before anything is answered. */
export async function streamWhole(entry: CatalogueEntry, question: Question, ask: Ask): Promise<Response> {
  const first = await askSlice(question.request, ask);
  if (first.kind !== "rows") return problemResponse(problemOf(first, ask.nowMs()));
  const head = [Buffer.from(headLine(question.request.format, entry))];
  const headers = headersOf(entry, question, { asOf: first.asOf, nowMs: ask.nowMs() });
  if (first.next === undefined) return revalidated(Buffer.concat([...head, first.bytes]), headers, ask.ifNoneMatch);
  const cancelled = new AbortController();
  const further = { ...ask, gone: AbortSignal.any([ask.gone, cancelled.signal]) };
  let last = first;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const part of [...head, first.bytes]) if (part.length > 0) controller.enqueue(part);
    },
    async pull(controller) {
      try {
        // A slice may have no rows, where a filter lets none through.
        for (let given = 0; given === 0 && last.next !== undefined;) {
          const next = await askSlice(following(question.request, last, question.request.limit), further);
          if (next.kind !== "rows") throw new QueryError("QUERY_BROKEN_OFF", problemOf(next, ask.nowMs()).detail);
          last = next;
          given = next.rows;
          if (given > 0) controller.enqueue(next.bytes);
        }
        if (last.next === undefined) controller.close();
      } catch (error) {
        if (!further.gone.aborted) ask.onError(error);
        // The connection breaks before the body's end, so that nobody takes a part for the whole; the server would end it in good order.
        if (ask.breakOff()) controller.close();
        else controller.error(error);
      }
    },
    cancel: () => cancelled.abort(),
  });
  return new Response(body, { headers });
}

async function askSlice(request: QueryRequest, { answerer, answerTimeoutMs, gone }: Ask): Promise<Answer> {
  const timeout = AbortSignal.timeout(request.waitMs + answerTimeoutMs);
  try {
    return await answerer.answer(request, AbortSignal.any([gone, timeout]));
  } catch (error) {
    if (timeout.aborted && !gone.aborted) return { kind: "unavailable", detail: "the engine did not answer in time" };
    throw error;
  }
}

/** The same question for the rows behind an answer; what it waited for and where its relative bounds lie is settled. */
const following = (request: QueryRequest, { next, from, to }: Rows, limit: number): QueryRequest => ({
  ...request,
  position: next,
  from,
  to,
  limit,
  after: [],
  waitMs: 0,
});

function headersOf(
  entry: CatalogueEntry,
  { request, waitApplied }: Question,
  { asOf, nowMs }: { readonly asOf: AsOf; readonly nowMs: number },
): Record<string, string> {
  return {
    "Content-Type": contentTypes[request.format],
    "Cache-Control": cacheControl,
    Vary: "Accept, Prefer",
    "X-Content-Type-Options": "nosniff",
    ...dispositionOf(entry, request.format),
    ...(asOf.streamTime < 0 ? {} : { "X-Data-As-Of": formatTimestamp(asOf.streamTime), "X-Data-Lag-Ms": String(lagMs(asOf, nowMs)) }),
    ...(waitApplied === undefined ? {} : { "Preference-Applied": `wait=${waitApplied}` }),
  };
}

function dispositionOf({ name }: CatalogueEntry, format: Format): Record<string, string> {
  if (format !== "csv" && format !== "spreadsheet") return {};
  return { "Content-Disposition": `${format === "csv" ? "inline" : "attachment"}; filename="${name.replaceAll(/[^\w.-]/g, "_")}.csv"` };
}

/** How old the newest event is that the answer knows. */
const lagMs = ({ streamTime }: AsOf, nowMs: number): number => Math.max(0, nowMs - streamTime);

const asOfBody = ({ streamTime, offsets }: AsOf): object => ({ streamTime: streamTime < 0 ? null : formatTimestamp(streamTime), offsets });

function jsonParts(
  { name, columns, keyColumns }: CatalogueEntry,
  slices: readonly Uint8Array[],
  { asOf, next }: { readonly asOf: AsOf; readonly next: string | null },
): (string | Uint8Array)[] {
  const head = JSON.stringify({ query: name, key: keyColumns, schema: columns });
  const tail = JSON.stringify({ asOf: asOfBody(asOf), complete: next === null, next });
  const rows = slices.flatMap((slice, i) => (i === 0 ? [slice] : [",\n", slice]));
  return [`${head.slice(0, -1)},"rows":[\n`, ...rows, `\n],${tail.slice(1)}\n`];
}

function withCursor(url: URL, cursor: string): string {
  const next = new URL(url);
  next.searchParams.set("cursor", cursor);
  next.searchParams.delete("after");
  return `${next.pathname}${next.search}`;
}

function problemOf(answer: Exclude<Answer, Rows>, nowMs: number): QueryProblem {
  switch (answer.kind) {
    case "not-yet":
      return {
        slug: "after-not-reached",
        detail: "the awaited event has not come through to this query; what it shows is as of asOf",
        more: { asOf: asOfBody(answer.asOf), lagMs: answer.asOf.streamTime < 0 ? null : lagMs(answer.asOf, nowMs) },
        headers: { "Retry-After": "1" },
      };
    case "bad-token":
      return { slug: "invalid-token", detail: answer.detail, more: { parameter: "after" } };
    case "unavailable":
      return {
        slug: "query-unavailable",
        detail: answer.detail,
        headers: { "Retry-After": "1" },
        ...(answer.code === undefined ? {} : { more: { code: answer.code } }),
      };
  }
}
