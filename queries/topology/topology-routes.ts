import { hash } from "node:crypto";
import { Hono, type MiddlewareHandler } from "hono";
import type { TopologyGraph } from "#topology/plan/graph.ts";
import { problemResponse } from "../problem.ts";
import { untilAborted } from "../until-aborted.ts";
import type { Inspector, StateAnswer } from "./inspector.ts";
import { parseDeadLetterQuestion } from "./parse-dead-letter-question.ts";

export type TopologyRoutesOptions = {
  readonly graph: TopologyGraph;
  readonly inspector: Inspector;
  /** Who may see dead letters: they hold what customers sent. */
  readonly guard: MiddlewareHandler;
  readonly nowMs?: () => number;
  /** Hears of bugs. */
  readonly onError?: (error: unknown) => void;
  readonly answerTimeoutMs?: number;
};

export const topologyPath = "/v1/topology";
export const deadLettersPath = "/v1/dead-letters";

/** One state for all who ask within so many ms: what is asked of the engine does not grow with the number of pages that look. */
const stateForMs = 200;

/** `GET /v1/topology`, `/v1/topology/state` and `/v1/dead-letters`: the plan, how it runs, and what it set aside. [TV2–TV4] */
export function createTopologyRoutes(options: TopologyRoutesOptions): Hono {
  const { graph, inspector, guard, nowMs = Date.now, onError = () => undefined, answerTimeoutMs = 5000 } = options;
  const app = new Hono();
  const body = JSON.stringify(graph);
  const etag = `"${hash("sha256", body, "base64url").slice(0, 22)}"`;
  const common = { "Content-Type": "application/json", "X-Content-Type-Options": "nosniff" };
  const planHeaders = { ...common, "Cache-Control": "no-cache", ETag: etag };
  const liveHeaders = { ...common, "Cache-Control": "no-store" };
  let asked: { readonly atMs: number; readonly answer: Promise<StateAnswer> } | undefined;

  const state = (): Promise<StateAnswer> => {
    if (asked === undefined || nowMs() - asked.atMs >= stateForMs || nowMs() < asked.atMs)
      asked = { atMs: nowMs(), answer: within((signal) => inspector.state(signal), AbortSignal.timeout(answerTimeoutMs)) };
    return asked.answer;
  };
  const answering = async (client: AbortSignal, answer: () => Promise<Response>): Promise<Response> => {
    try {
      return await answer();
    } catch (error) {
      const why = error instanceof DOMException ? error.name : undefined;
      if (why === "TimeoutError") return unavailable("the engine did not answer in time");
      // Who asked has gone away.
      if (!client.aborted) onError(error);
      return problemResponse({ slug: "internal-error", detail: "the engine could not be asked" });
    }
  };

  app.get(topologyPath, (c) =>
    matches(c.req.header("if-none-match"), etag) ? c.body(null, 304, planHeaders) : c.body(body, 200, planHeaders),
  );
  app.get(`${topologyPath}/state`, (c) =>
    answering(c.req.raw.signal, async () => {
      const answer = await state();
      return answer.kind === "state" ? new Response(JSON.stringify(answer.state), { headers: liveHeaders }) : unavailable(answer.detail);
    }),
  );
  app.get(deadLettersPath, guard, (c) =>
    answering(c.req.raw.signal, async () => {
      const question = parseDeadLetterQuestion(graph, new URL(c.req.url).searchParams, nowMs());
      if (question.kind === "problem") return problemResponse(question.problem);
      const ended = AbortSignal.any([c.req.raw.signal, AbortSignal.timeout(answerTimeoutMs)]);
      const answer = await within((signal) => inspector.deadLetters(question.request, signal), ended);
      if (answer.kind !== "letters") return unavailable(answer.detail);
      const { letters, complete } = answer;
      return new Response(JSON.stringify({ ...question.of, letters, complete }), { headers: liveHeaders });
    }),
  );
  for (const path of [topologyPath, `${topologyPath}/state`, deadLettersPath])
    app.all(path, () => problemResponse({ slug: "method-not-allowed", detail: "the topology is read", headers: { Allow: "GET, HEAD" } }));
  return app;
}

const within = <T>(ask: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> => untilAborted(signal, ask(signal));

const unavailable = (detail: string): Response => problemResponse({ slug: "query-unavailable", detail, headers: { "Retry-After": "1" } });

/** `If-None-Match` may list several, and a proxy may have weakened one. */
const matches = (header: string | undefined, etag: string): boolean =>
  header?.split(",").some((one) => one.trim() === "*" || one.trim().replace(/^W\//, "") === etag) ?? false;
