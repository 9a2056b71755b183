import { letterRefusals, letterName, parseLetterName, type SettleRequest } from "@millrace/engine";
import { Hono, type MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { decodeEvent } from "#schemas/event-codec.ts";
import { toJson } from "#schemas/event-json.ts";
import { formatTimestamp } from "#schemas/timestamp.ts";
import type { TopologyGraph } from "#topology/plan/graph.ts";
import { problemResponse, type QueryProblem } from "../problem.ts";
import { untilAborted } from "../until-aborted.ts";
import type { LetterAnswer, LetterAsk, LetterWhole } from "./letter-asks.ts";
import { letterFilters, parseLetterFilter } from "./parse-letter-filter.ts";
import { parseSettling } from "./parse-settling.ts";
import type { SettlingRight } from "./settling-right.ts";

export type LetterRoutesOptions = {
  readonly graph: TopologyGraph;
  readonly ask: (ask: LetterAsk, signal: AbortSignal) => Promise<LetterAnswer>;
  /** Who may see dead letters. */
  readonly guard: MiddlewareHandler;
  readonly right: SettlingRight;
  readonly nowMs?: () => number;
  /** Hears of bugs. */
  readonly onError?: (error: unknown) => void;
  readonly answerTimeoutMs?: number;
  readonly settleTimeoutMs?: number;
};

const path = "/v1/dead-letters";
const bodyBytes = 512 << 10;
const headers = { "Content-Type": "application/json", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store" };

/** What is there to redrive, one letter whole, and the two doors that change something: redrive and drop. [RD6] [RD7] */
export function createLetterRoutes(options: LetterRoutesOptions): Hono {
  const { graph, ask, guard, right, nowMs = Date.now, onError = () => undefined } = options;
  const { answerTimeoutMs = 10_000, settleTimeoutMs = 60_000 } = options;
  const app = new Hono();

  const asked = async (what: LetterAsk, client: AbortSignal): Promise<LetterAnswer | Response> => {
    const signal = AbortSignal.any([client, AbortSignal.timeout(what.kind === "settle" ? settleTimeoutMs : answerTimeoutMs)]);
    try {
      const answer = await untilAborted(signal, ask(what, signal));
      return answer.kind === "unavailable" ? unavailable(answer.detail) : answer;
    } catch (error) {
      const why = error instanceof DOMException ? error.name : undefined;
      if (why === "TimeoutError") return unavailable("the engine did not answer in time; what is done by now stands, so ask again");
      // Who asked has gone away.
      if (!client.aborted) onError(error);
      return problemResponse({ slug: "internal-error", detail: "the letters could not be asked for" });
    }
  };
  const answered = (body: unknown): Response => new Response(JSON.stringify(body), { headers });

  app.get(`${path}/summary`, guard, async (c) => {
    const said = c.req.query();
    const unknown = Object.keys(said).find((name) => !(letterFilters as readonly string[]).includes(name));
    if (unknown !== undefined)
      return refuse({
        slug: "unknown-filter",
        detail: `there is no parameter "${unknown.slice(0, 64)}"`,
        more: { parameters: letterFilters },
      });
    const filter = parseLetterFilter(graph, said, nowMs());
    if (filter.kind === "problem") return refuse(filter.problem);
    const answer = await asked({ kind: "summary", ...filter.filter }, c.req.raw.signal);
    if (answer instanceof Response || answer.kind !== "summary") return answer as Response;
    return answered({ lines: answer.lines, complete: answer.complete, settling: right.kind === "allowed" });
  });

  app.get(`${path}/:topic/:partition/:offset`, guard, async (c) => {
    const { topic, partition, offset } = c.req.param();
    const name = `${topic}/${partition}/${offset}`;
    const place = parseLetterName(name);
    const known = graph.topics.some(({ deadLetters, partitions }) => deadLetters === topic && Number(partition) < partitions);
    if (place === undefined || !known) return refuse({ slug: "unknown-letter", detail: `there is no letter ${name.slice(0, 300)}` });
    const answer = await asked({ kind: "letter", place }, c.req.raw.signal);
    if (answer instanceof Response || answer.kind !== "letter") return answer as Response;
    if (answer.letter === undefined)
      return refuse({ slug: "unknown-letter", detail: `there is no letter ${letterName(place)}: it was never there, or its time is over` });
    return answered(bodyOf(answer.letter));
  });

  for (const action of ["redrive", "drop"] as const) {
    app.post(`${path}/${action}`, guard, bodyLimit({ maxSize: bodyBytes, onError: tooLarge }), async (c) => {
      const problem = doorProblem(c.req.raw.headers, right);
      if (problem !== undefined) return refuse(problem);
      const { key } = right as Extract<SettlingRight, { kind: "allowed" }>;
      const begunMs = nowMs();
      const settling = parseSettling(await c.req.text(), { graph, action, key, nowMs: begunMs });
      if (settling.kind === "problem") return refuse(settling.problem);
      const answer = await asked({ kind: "settle", ...settling.request }, c.req.raw.signal);
      if (answer instanceof Response || answer.kind !== "report") return answer as Response;
      return answered(reportOf(answer, settling.request, begunMs));
    });
    app.all(`${path}/${action}`, () =>
      refuse({ slug: "method-not-allowed", detail: `a ${action} is posted, as JSON`, headers: { Allow: "POST" } }),
    );
  }
  return app;
}

/** What changes something is neither for pages of others, nor for forms that any page may send. */
function doorProblem(sent: Headers, right: SettlingRight): QueryProblem | undefined {
  if (right.kind === "refused") return { slug: right.slug, detail: right.detail };
  const site = sent.get("sec-fetch-site");
  if (site !== null && site !== "same-origin" && site !== "none")
    return { slug: "settling-refused", detail: "pages of another origin may not change anything here" };
  if (!/^application\/json\b/i.test(sent.get("content-type") ?? ""))
    return { slug: "invalid-parameter", detail: "send JSON: Content-Type: application/json", more: { parameter: "Content-Type" } };
  return undefined;
}

function bodyOf({ shown, headers: named, bytes }: LetterWhole): unknown {
  const decoded = bytes === null ? undefined : decodeEvent(bytes);
  return {
    ...shown,
    name: letterName({ ...shown.letter, offset: BigInt(shown.letter.offset) }),
    headers: named.map(([name, value]) => ({ name, value })),
    bytes: bytes === null ? null : Buffer.from(bytes).toString("base64"),
    event: decoded?.kind === "decoded" ? toJson(decoded.event) : null,
    undecodable: decoded?.kind === "undecodable" ? { code: decoded.code, detail: decoded.detail } : null,
  };
}

/** `until`: what is set aside from then on is not of this request, nor of those that go on with it by `to`. [RD9] */
function reportOf(
  { report }: Extract<LetterAnswer, { kind: "report" }>,
  { action, dryRun, toMs }: SettleRequest,
  begunMs: number,
): unknown {
  const until = formatTimestamp(Math.min(toMs ?? begunMs, begunMs));
  const refused = report.refused.map((one) => ({ ...one, detail: letterRefusals[one.why] }));
  return { action, dryRun, until, ...report, refused };
}

const refuse = (problem: QueryProblem): Response => problemResponse(problem);
const tooLarge = (): Response =>
  problemResponse({ slug: "invalid-parameter", detail: `the body has at most ${bodyBytes} bytes`, more: { parameter: "body" } });
const unavailable = (detail: string): Response => problemResponse({ slug: "query-unavailable", detail, headers: { "Retry-After": "1" } });
