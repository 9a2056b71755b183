import { Hono } from "hono";
import type { RowPosition, UnavailableCode } from "../query-request.ts";
import type { Place } from "../stream/stream-request.ts";
import type { ShareAnswer, ShareOwner, ShareRequest } from "./share.ts";

/** Where processes ask each other for their shares of an answer. */
export const sharesPath = "/internal/query-shares";
/** Who sends it forwards, and is not forwarded again; a page of another origin cannot send it. Its value is the version of what is said. */
const forwarded = "Millrace-Forwarded";
const version = "1";
const mostBytes = 1 << 20;
/** How long an owner may take beyond what it was asked to wait. */
const answerWithinMs = 5000;

type Asked = { readonly group: string; readonly member: string; readonly request: ShareRequest };

export type ShareRouteOptions = {
  readonly group: string;
  /** The workers of this process by their names: nobody else is asked from here, so that no question goes in circles. */
  readonly local: (member: string) => ShareOwner | undefined;
  readonly onError: (error: unknown) => void;
};

/** The route by which other processes ask the workers of this one. */
export function createShareRoute({ group, local, onError }: ShareRouteOptions): Hono {
  const app = new Hono();
  app.post(sharesPath, async (c) => {
    if (c.req.header(forwarded) !== version) return c.text("only other processes of the same version ask here\n", 403);
    if (Number(c.req.header("content-length") ?? Infinity) > mostBytes) return c.text("too large\n", 413);
    const asked = parse(await c.req.text());
    if (asked === undefined) return c.text("this is no question\n", 400);
    const owner = asked.group === group ? local(asked.member) : undefined;
    if (owner === undefined) return c.json(unavailable("QUERY_OWNER_MOVED", `${asked.member} does not run here any more`));
    try {
      return c.body(written(await owner.ask(revivedRequest(asked.request), c.req.raw.signal)), 200, { "Content-Type": "application/json" });
    } catch (error) {
      if (!c.req.raw.signal.aborted) onError(error);
      return c.text("the question could not be answered\n", 500);
    }
  });
  return app;
}

/** What is heard of an owner: that it does not answer, and that it does again; each once, however often it is asked between them. */
export type OwnerNews = { readonly away: (name: string, error: unknown) => void; readonly back: (name: string) => void };

/** A worker of another process, by HTTP: asked once, and never by way of a third. */
export function remoteOwner(
  { member, endpoint }: { readonly member: string; readonly endpoint: string },
  { group, news }: { readonly group: string; readonly news: OwnerNews },
): ShareOwner {
  const name = `${member} at ${endpoint}`;
  let isAway = false;
  return {
    name,
    async ask(request, signal) {
      const withinMs = answerWithinMs + waitOf(request);
      const late = AbortSignal.any([signal, AbortSignal.timeout(withinMs)]);
      const body = JSON.stringify({ group, member, request } satisfies Asked);
      const headers = { "Content-Type": "application/json", [forwarded]: version };
      const send = (): Promise<Response> =>
        fetch(`http://${endpoint}${sharesPath}`, { method: "POST", headers, body, redirect: "error", signal: late });
      try {
        // A connection that was kept open may be of a process that was started again meanwhile: once more, by a new one.
        const response = await send().catch((error: unknown) => {
          if (late.aborted) throw error;
          return send();
        });
        if (isAway) news.back(name);
        isAway = false;
        if (response.ok) return revived((await response.json()) as ShareAnswer);
        return unavailable("QUERY_OWNER_UNREACHABLE", `${name} answers ${response.status}`);
      } catch (error) {
        signal.throwIfAborted();
        // A stream that waits for it asks twice a second.
        if (!isAway) news.away(name, error);
        isAway = true;
        return unavailable("QUERY_OWNER_UNREACHABLE", `${name} does not answer`);
      }
    },
  };
}

const unavailable = (code: UnavailableCode, detail: string): ShareAnswer => ({ kind: "unavailable", code, detail });

const waitOf = (request: ShareRequest): number => {
  if (request.kind === "passed") return request.waitMs;
  return request.kind === "stream" && request.asked.kind === "changes" ? request.asked.maxWaitMs : 0;
};

/** Numbers of commits are the only ones that JSON has no place for: they are written as texts. */
const written = (answer: ShareAnswer): string =>
  JSON.stringify(answer, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value));

/** What was nothing is left out of JSON, and numbers of commits are texts. */
function revived(answer: ShareAnswer): ShareAnswer {
  if (answer.kind === "rows") return { ...answer, next: (answer as { next?: RowPosition }).next };
  if (answer.kind !== "stream") return answer;
  const { told } = answer;
  switch (told.kind) {
    case "began":
      return { kind: "stream", told: { ...told, at: placeOf(told.at), unchangedSince: placeOf(told.unchangedSince) } };
    case "changes":
      return { kind: "stream", told: { ...told, at: placeOf(told.at) } };
    case "slice": {
      const { next, from, to } = told as Partial<typeof told>;
      return { kind: "stream", told: { ...told, at: placeOf(told.at), next, from, to } };
    }
    case "ended":
    case "unavailable":
      return answer;
  }
}

const placeOf = (numbers: readonly unknown[]): Place => numbers.map((number) => BigInt(number as string));

/** As a port would give it: what was nothing is there as nothing. */
const revivedRequest = (request: ShareRequest): ShareRequest => {
  if (request.kind !== "stream" || request.asked.kind !== "slice") return request;
  const { from, to, position } = request.asked as Partial<typeof request.asked>;
  return { ...request, asked: { ...request.asked, from, to, position } };
};

function parse(text: string): Asked | undefined {
  let body: unknown;
  try {
    body = JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
  if (typeof body !== "object" || body === null) return undefined;
  const { group, member, request } = body as Partial<Record<keyof Asked, unknown>>;
  if (typeof group !== "string" || typeof member !== "string" || typeof request !== "object" || request === null) return undefined;
  return isRequest(request as Partial<Record<string, unknown>>) ? { group, member, request: request as ShareRequest } : undefined;
}

const isRequest = ({
  kind,
  asked,
  query,
  partitions,
  filters,
  subTopology,
  positions,
  waitMs,
}: Partial<Record<string, unknown>>): boolean => {
  if (kind === "passed")
    return typeof subTopology === "string" && Array.isArray(positions) && typeof waitMs === "number" && waitMs <= 60_000;
  if (kind === "stream") {
    const of = (asked ?? {}) as Partial<Record<string, unknown>>;
    const isBounded = of["kind"] !== "changes" || (typeof of["maxWaitMs"] === "number" && of["maxWaitMs"] <= 60_000);
    return typeof of["kind"] === "string" && typeof of["query"] === "string" && Array.isArray(of["partitions"]) && isBounded;
  }
  const asks = typeof query === "string" && Array.isArray(partitions);
  return kind === "as-of" ? asks : kind === "rows" && asks && Array.isArray(filters);
};
