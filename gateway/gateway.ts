import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { getRequestListener } from "@hono/node-server";
import type { Hono, MiddlewareHandler } from "hono";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { Appender } from "#engine/broker/broker.ts";
import { type Access, authorizer } from "./admission/credentials.ts";
import { createApp } from "./app.ts";
import { frontDoor, type Hosts, loopbackHosts } from "./front-door.ts";
import { type Dependency, Health } from "./health.ts";
import { type Ids, randomIds } from "./ids.ts";
import { Ingest } from "./ingest.ts";
import { Lanes } from "./lanes/lanes.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import { createMetrics, logEvents } from "./metrics.ts";
import { type Problem, problemBody, problems, problemType } from "./problem.ts";
import { Tail } from "./tail.ts";

export type GatewayOptions = {
  /** The log; every topic of the schemas exists in it. */
  readonly appender: Appender;
  readonly access: Access;
  readonly logger: Logger;
  readonly registry: Registry;
  /** Names of what must be ready before `/readyz` says so. */
  readonly dependencies: readonly string[];
  /** Hosts that this gateway is reached by; loopback names if left out. */
  readonly hosts?: Hosts;
  readonly limits?: Partial<Limits>;
  /** The table of ids already stored, the fast path against resent events; ids are kept for `withinMs`, at most `entries` of them. */
  readonly duplicates?: { readonly on: boolean; readonly entries?: number; readonly withinMs?: number };
  /** Partitions of topics that the log has in another number than the schemas say. */
  readonly partitions?: ReadonlyMap<string, number>;
  /** False where others take the events in: `POST /v1/events` is refused. */
  readonly takesEvents?: boolean;
  /** Milliseconds since the epoch. */
  readonly nowMs?: () => number;
  readonly ids?: Ids;
  /** A number not below any sequence stamped before, where the clock cannot be trusted to have moved on. */
  readonly sequenceAfter?: number;
};

export type Gateway = {
  /** Routes of the gateway; others may be mounted on it. */
  readonly app: Hono;
  /** What node:http calls: the front door, `POST /v1/events` in its single pass, then `app`. */
  readonly listener: RequestListener;
  readonly limits: Limits;
  /** Lets those with a key pass, as the tail does; `what` is shown to nobody else, and says so. For routes of others. */
  guard(what: string): MiddlewareHandler;
  setReady(name: string, dependency: Dependency): void;
  /** While there is a reason, what comes is refused before its body is read (503 `log-unavailable`), instead of being held until it is too late. */
  setLogAway(reason: string | undefined): void;
  /** Refuses what comes (503 `draining`), finishes what was let in, settles when the log has all of it. Closes no socket and no log. */
  close(): Promise<void>;
};

const ingestPath = "/v1/events";
const dayMs = 86_400_000;
const defaultDuplicates = { entries: 200_000, withinMs: dayMs };
const maxAppendBytes = 4 * 1_048_576;

/** The front door: events in over HTTP, records on the log out. Everything that it needs is handed in. */
export function createGateway(options: GatewayOptions): Gateway {
  const { appender, logger, nowMs = Date.now, ids = randomIds(), duplicates, partitions } = options;
  const limits: Limits = { ...defaultLimits, ...options.limits };
  const health = new Health(options.dependencies);
  const tail = new Tail();
  const lanes = new Lanes({
    appender,
    maxAppendBytes,
    duplicates: duplicates?.on === false ? undefined : { ...defaultDuplicates, ...duplicates },
    sequenceAfter: options.sequenceAfter ?? 0,
    onAppended: ({ records, durationMs, error }) => {
      metrics.append(records, durationMs / 1000, error !== undefined);
      if (error !== undefined) logger.error({ event: logEvents.appendFailed, records, err: error }, "the log threw an append back");
    },
  });
  const metrics = createMetrics(options.registry, {
    waitingBytes: () => ingest.waitingBytes,
    waitingRecords: () => lanes.waitingRecords,
    dedupeEntries: () => lanes.dedupeEntries,
  });
  let logAway: string | undefined;
  const authorize = authorizer(options.access);
  const partitionsOf = (topic: string, bySchema: number): number => partitions?.get(topic) ?? bySchema;
  const ingest = new Ingest({ lanes, authorize, limits, partitionsOf, nowMs, ids, health, tail, metrics, logger, logAway: () => logAway });
  const app = createApp({ ingest, authorize, limits, health, tail, ids, nowMs, logger });
  const admit = frontDoor(limits, options.hosts ?? loopbackHosts, { open: options.access.kind === "open" });
  // The rest of the house must not find Request and Response replaced.
  const serveApp = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  return {
    app,
    limits,
    listener: (request, response) => {
      const problem = admit(request);
      if (problem !== undefined) return refuse(response, problem, ids.uuid(nowMs()));
      if (isIngest(request)) {
        if (options.takesEvents === false) return refuse(response, noEvents, ids.uuid(nowMs()));
        return ingest.handle(request, response);
      }
      return void serveApp(request, response);
    },
    guard: (what) => async (c, next) => {
      const authorized = authorize(c.req.header("authorization"));
      if (authorized.kind === "known") return next();
      const problem: Problem = { slug: authorized.slug, detail: `${what} are shown to those with a key` };
      const body = problemBody(problem, { requestId: ids.uuid(nowMs()), traceId: "" });
      return c.body(body, 401, { "Content-Type": problemType, "Cache-Control": "no-store" });
    },
    setReady: (name, dependency) => health.set(name, dependency),
    setLogAway: (reason) => void (logAway = reason),
    async close() {
      logger.info({ event: logEvents.draining }, "draining");
      health.drain();
      await ingest.drained();
    },
  };
}

const noEvents: Problem = { slug: "not-found", detail: "this process takes no events in (--no-gateway)" };

const isIngest = ({ method, url }: IncomingMessage): boolean =>
  method === "POST" &&
  url !== undefined &&
  url.startsWith(ingestPath) &&
  (url.length === ingestPath.length || url[ingestPath.length] === "?");

function refuse(response: ServerResponse, problem: Problem, requestId: string): void {
  const body = problemBody(problem, { requestId, traceId: "" });
  const headers = { "Content-Type": problemType, "Content-Length": Buffer.byteLength(body), ...problem.headers };
  response.writeHead(problems[problem.slug].status, headers).end(body);
}
