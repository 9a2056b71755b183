import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { type Context, Hono } from "hono";
import { streamSSE } from "hono/streaming";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { Logger } from "pino";
import type { Authorized } from "./admission/credentials.ts";
import type { Health } from "./health.ts";
import type { Ids } from "./ids.ts";
import type { Ingest } from "./ingest.ts";
import type { Limits } from "./limits.ts";
import { logEvents } from "./metrics.ts";
import { type Problem, problemBody, problems, problemType } from "./problem.ts";
import type { Tail } from "./tail.ts";

export type AppOptions = {
  readonly ingest: Ingest;
  readonly authorize: (header: string | undefined) => Authorized;
  readonly limits: Limits;
  readonly health: Health;
  readonly tail: Tail;
  readonly ids: Ids;
  readonly nowMs: () => number;
  readonly logger: Logger;
};

const tailPollMs = 200;
const heartbeatMs = 15_000;
const maxTails = 100;
const nothingHere = "events are posted to /v1/events, queries are asked at /v1/queries; /docs tells every address";

/** The routes of the gateway. `POST /v1/events` is reached here too, when the app is served without the gateway's own listener. */
export function createApp({ ingest, authorize, limits, health, tail, ids, nowMs, logger }: AppOptions): Hono {
  const app = new Hono();
  const refuse = (c: Context, problem: Problem): Response => {
    const body = problemBody(problem, { requestId: ids.uuid(nowMs()), traceId: "" });
    return c.body(body, problems[problem.slug].status as ContentfulStatusCode, { ...problem.headers, "Content-Type": problemType });
  };

  app.post("/v1/events", (c) => {
    const { incoming, outgoing } = c.env as HttpBindings;
    ingest.handle(incoming, outgoing);
    return RESPONSE_ALREADY_SENT;
  });
  app.all("/v1/events", (c) =>
    refuse(c, {
      slug: "method-not-allowed",
      detail: "events are posted to this address; /docs has a line to copy",
      headers: { Allow: "POST" },
    }),
  );
  app.get("/v1/limits", (c) => c.json(limits));

  app.get("/livez", (c) => c.json({ status: "alive" }));
  app.get("/readyz", (c) => c.json(health.report(), health.ready ? 200 : 503));

  let tails = 0;
  app.get("/v1/tail", (c) => {
    const authorized = authorize(c.req.header("authorization"));
    if (authorized.kind === "refused") return refuse(c, { slug: authorized.slug, detail: "the tail shows events to those with a key" });
    const asked = Number(c.req.query("since") ?? c.req.header("last-event-id") ?? 0);
    const since = Number.isSafeInteger(asked) && asked >= 0 ? asked : 0;
    if (!c.req.header("accept")?.includes("text/event-stream")) return c.json({ last: tail.last, results: tail.since(since) });
    if (tails >= maxTails)
      return refuse(c, { slug: "temporary-reduced-capacity", detail: `${maxTails} tails are open`, headers: { "Retry-After": "5" } });
    tails += 1;
    return streamSSE(c, async (stream) => {
      let from = Math.min(since, tail.last);
      let quietMs = 0;
      try {
        while (!stream.aborted && !health.draining) {
          // One event a poll, however many results: a tail is read by eyes, and costs the gateway the same at any rate.
          if (tail.last > from) {
            await stream.writeSSE({ event: "results", id: String(tail.last), data: JSON.stringify(tail.since(from)) });
            from = tail.last;
            quietMs = 0;
          } else if ((quietMs += tailPollMs) >= heartbeatMs) {
            await stream.write(": still here\n\n");
            quietMs = 0;
          }
          await stream.sleep(tailPollMs);
        }
      } finally {
        tails -= 1;
      }
    });
  });

  app.notFound((c) => refuse(c, { slug: "not-found", detail: nothingHere }));
  app.onError((error, c) => {
    logger.error({ event: logEvents.bug, err: error }, "the gateway has a bug");
    return refuse(c, { slug: "internal-error", detail: "the request could not be handled" });
  });
  return app;
}
