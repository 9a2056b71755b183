import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "pino";
import { type Admission, type AdmissionContext, admitEvent } from "./admission/admit-event.ts";
import type { Authorized, Principal } from "./admission/credentials.ts";
import { decodeBody, tooLarge } from "./admission/decode-body.ts";
import { fillDefaults } from "./admission/developer-defaults.ts";
import { skewOf } from "./admission/event-time.ts";
import { type BodyEnd, BodyReader } from "./admission/read-body.ts";
import { headJudge, type RequestHead } from "./admission/request-head.ts";
import { type SplitBody, splitBody } from "./admission/split-body.ts";
import { type TraceContext, traceContext } from "./admission/trace-context.ts";
import { type EventFault, retryCodes } from "./event-codes.ts";
import type { Health } from "./health.ts";
import type { Ids } from "./ids.ts";
import type { Origin } from "./lanes/in-flight.ts";
import type { Lanes } from "./lanes/lanes.ts";
import { recordHeaders } from "./lanes/record-headers.ts";
import type { Limits } from "./limits.ts";
import { type GatewayMetrics, logEvents } from "./metrics.ts";
import { OpenRequests } from "./open-requests.ts";
import { type Problem, problemBody, problems, problemType, retryAfterSeconds } from "./problem.ts";
import { readableId, readableType, Reply } from "./reply.ts";
import type { Tail, TailEntry } from "./tail.ts";

export type IngestOptions = {
  readonly lanes: Lanes;
  readonly authorize: (header: string | undefined, connection?: object) => Authorized;
  readonly limits: Limits;
  readonly partitionsOf: AdmissionContext["partitionsOf"];
  readonly nowMs: () => number;
  readonly ids: Ids;
  readonly health: Health;
  readonly tail: Tail;
  readonly metrics: GatewayMetrics;
  readonly logger: Logger;
  /** Why the log cannot take anything now; undefined while it can. */
  readonly logAway: () => string | undefined;
};

/** One request on its way through. */
type Exchange = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly startedAtMs: number;
  readonly receivedAtMs: number;
  readonly requestId: string;
  readonly trace: TraceContext;
};

/**
 * `POST /v1/events` in a single pass over the request of node:http: judge the head, read the body, split it, judge each event, hand what is
 * good to the lanes, answer when the last of them has landed. Ready-made middleware would cost more than all of this together.
 */
export class Ingest {
  readonly #options: IngestOptions;
  readonly #bodies: BodyReader;
  readonly #open: OpenRequests;
  #lastTime = { ms: 0, iso: new Date(0).toISOString() };
  readonly #judgeHead: (request: IncomingMessage) => RequestHead | Problem;

  constructor(options: IngestOptions) {
    const { health, authorize, limits, ids, logAway } = options;
    this.#options = options;
    this.#bodies = new BodyReader(limits);
    this.#open = new OpenRequests(limits.ackDeadlineMs);
    this.#judgeHead = headJudge({ health, authorize, limits, ids, logAway, waitingBytes: () => this.waitingBytes });
  }

  /** Bytes of bodies being read and of records waiting for the log: what back-pressure is judged by. */
  get waitingBytes(): number {
    return this.#bodies.reservedBytes + this.#options.lanes.waitingBytes;
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    // Its connection was refused before it came: whatever is answered, the sender reads that, so nothing of it may be stored. [G29]
    if (request.socket.writableEnded) return letGo(request);
    const { ids, nowMs } = this.#options;
    const receivedAtMs = nowMs();
    const trace = traceContext(headerOf(request, "traceparent"), ids.hex);
    const exchange = { request, response, receivedAtMs, trace, startedAtMs: performance.now(), requestId: ids.uuid(receivedAtMs) };
    const head = this.#judgeHead(request);
    if ("slug" in head) return this.#refuse(exchange, head);
    if (request.headers.expect !== undefined) response.writeContinue();
    this.#bodies.read(request, head.declaredBytes, (end) => this.#onBody(exchange, head, end));
  }

  /** Settles when every request that was let in has its answer and the log has taken, or refused, the last record. */
  async drained(): Promise<void> {
    await this.#bodies.empty();
    await this.#open.empty();
    await this.#options.lanes.idle();
    this.#bodies.stop();
    this.#open.stop();
  }

  /** Many requests come within one millisecond. */
  #isoTime(ms: number): string {
    if (ms !== this.#lastTime.ms) this.#lastTime = { ms, iso: new Date(ms).toISOString() };
    return this.#lastTime.iso;
  }

  #onBody(exchange: Exchange, head: RequestHead, end: BodyEnd): void {
    const { limits } = this.#options;
    switch (end.kind) {
      case "gone":
        return;
      case "too-slow":
        return this.#refuse(exchange, { slug: "request-timeout", detail: "the body came too slowly", headers: { Connection: "close" } });
      case "too-large":
        return this.#refuse(exchange, {
          ...tooLarge("wireBytes", `more than ${limits.wireBytes}`, limits),
          headers: { Connection: "close" },
        });
      case "whole": {
        if (exchange.request.socket.writableEnded) return;
        try {
          this.#onWholeBody(exchange, head, end.bytes);
        } catch (error) {
          this.#options.logger.error({ event: logEvents.bug, requestId: exchange.requestId, err: error }, "the gateway has a bug");
          this.#refuse(exchange, { slug: "internal-error", detail: "the request could not be handled" });
        }
        return;
      }
      default:
        return end satisfies never;
    }
  }

  #onWholeBody(exchange: Exchange, head: RequestHead, wire: Buffer): void {
    const { limits } = this.#options;
    const decoded = decodeBody(wire, head.coding, limits);
    if (decoded.kind === "problem") return this.#refuse(exchange, decoded.problem);
    const split = splitBody(decoded.bytes, head.format, limits);
    if (split.kind === "problem") return this.#refuse(exchange, split.problem);
    this.#takeIn(exchange, head.principal, split);
  }

  #takeIn(exchange: Exchange, principal: Principal, { values, faults, sentAt }: SplitBody): void {
    const { lanes, limits, partitionsOf, ids } = this.#options;
    const { receivedAtMs, request, trace } = exchange;
    const skewMs = skewOf(sentAt ?? headerOf(request, "x-sent-at"), receivedAtMs);
    const recordedTime = this.#isoTime(receivedAtMs);
    const context: AdmissionContext = { receivedAtMs, skewMs: skewMs ?? 0, limits, partitionsOf };
    const admissions = values.map((value, i): Admission => {
      const found = faults?.get(i);
      if (found !== undefined) return { kind: "rejected", faults: found };
      if (typeof value !== "object" || value === null || Array.isArray(value)) return notAnObject;
      if (!principal.developer) return admitEvent(value, context, undefined);
      const filled = fillDefaults(value, { eventId: () => ids.uuid(receivedAtMs), timestamp: recordedTime });
      return admitEvent(filled.value, context, filled.warnings.length > 0 ? filled.warnings : undefined);
    });
    const minimal = headerOf(request, "prefer")?.includes("return=minimal") ?? false;
    const reply = new Reply(values.length, minimal, () => {
      leave();
      this.#answer(exchange, reply, { skewMs, recordedTime });
    });
    const leave = this.#open.enter(() => reply.giveUp((i) => eventIdOf(admissions[i]), retryAfterSeconds(ids.roll()) * 1000));
    const landed = this.#landed(reply, recordedTime);
    const headersOf = recordHeaders({ traceparent: trace.traceparent, recordedTime });
    for (const [i, admission] of admissions.entries()) {
      if (admission.kind === "rejected") {
        const eventId = readableId(values[i]);
        reply.reject(i, eventId, admission.faults);
        const { code, pointer, detail } = admission.faults[0]!;
        this.#show({ at: recordedTime, status: "rejected", eventId, eventType: readableType(values[i]), code, pointer, detail });
        continue;
      }
      lanes.take(admission, { i, headers: headersOf(admission.correlationId), receivedAtMs, landed });
    }
  }

  /** What writes the rows of one request's answer as its events land. */
  #landed(reply: Reply, at: string): Origin["landed"] {
    return ({ eventId, eventType, warnings }, i, landing) => {
      switch (landing.kind) {
        case "accepted":
          reply.accept(i, { eventId, token: landing.token, warnings });
          return this.#show({ at, status: "accepted", eventId, eventType });
        case "duplicate":
          reply.duplicateOf(i, { eventId, token: landing.token, receivedAt: new Date(landing.receivedAtMs).toISOString() });
          return this.#show({ at, status: "duplicate", eventId, eventType });
        case "retry":
          reply.delay(i, eventId, { code: landing.code, retryAfterMs: landing.afterMs });
          return this.#show({ at, status: "retry", eventId, eventType, code: landing.code });
        default:
          return landing satisfies never;
      }
    };
  }

  #show(entry: Omit<TailEntry, "n">): void {
    this.#options.tail.add(entry);
  }

  #answer(exchange: Exchange, reply: Reply, told: { readonly skewMs: number | undefined; readonly recordedTime: string }): void {
    const { answer } = reply;
    this.#count(reply);
    const retryAfter = answer.retryAfterMs === undefined ? [] : ["Retry-After", String(Math.max(1, Math.ceil(answer.retryAfterMs / 1000)))];
    const headers = ["Ingest-Result", reply.ingestResult, ...retryAfter];
    if (answer.kind === "problem") {
      const { requestId, trace } = exchange;
      const { status } = problems[answer.problem.slug];
      const problem = problemBody(answer.problem, { requestId, traceId: trace.traceId });
      const body = `${problem.slice(0, -1)},"results":${reply.results}}`;
      return this.#write(exchange, status, [...headers, "Content-Type", problemType], body);
    }
    const skew = told.skewMs === undefined ? "" : `,"skewMs":${told.skewMs}`;
    const body = `{"batchId":"${exchange.requestId}","ack":"broker","receivedAt":"${told.recordedTime}"${skew},"results":${reply.results}}`;
    this.#write(exchange, answer.status, [...headers, "Content-Type", "application/json"], body);
  }

  #refuse(exchange: Exchange, problem: Problem): void {
    const body = problemBody(problem, { requestId: exchange.requestId, traceId: exchange.trace.traceId });
    const headers = Object.entries(problem.headers ?? {}).flat();
    this.#write(exchange, problems[problem.slug].status, [...headers, "Content-Type", problemType], body);
  }

  #write({ response, startedAtMs, requestId }: Exchange, status: number, headers: readonly string[], body: string): void {
    const { metrics, logger } = this.#options;
    const seconds = (performance.now() - startedAtMs) / 1000;
    metrics.request(status, seconds);
    if (logger.isLevelEnabled("debug")) logger.debug({ event: logEvents.request, requestId, status, seconds }, "answered");
    if (response.headersSent || response.destroyed) return;
    const bytes = Buffer.byteLength(body);
    response.writeHead(status, [...headers, "Content-Length", String(bytes), "Cache-Control", "no-store"]);
    // Nearly all answers are ASCII, which needs no encoding.
    response.end(body, bytes === body.length ? "latin1" : "utf8");
  }

  #count(reply: Reply): void {
    const { metrics } = this.#options;
    if (reply.accepted > 0) metrics.events("accepted", "", reply.accepted);
    if (reply.duplicate > 0) metrics.events("duplicate", "", reply.duplicate);
    for (const [code, count] of reply.codes ?? []) metrics.events(isRetry(code) ? "retry" : "rejected", code, count);
  }
}

/** Its sender has the time to read what was answered: a connection that is broken at once may lose that. */
function letGo(request: IncomingMessage): void {
  const { socket } = request;
  request.resume();
  socket.setTimeout(lingerMs, () => socket.destroy());
}

const lingerMs = 1000;

const notAnObject: Admission = {
  kind: "rejected",
  faults: [{ code: "not_an_object", pointer: "", detail: "an event is a JSON object" } satisfies EventFault],
};

const eventIdOf = (admission: Admission | undefined): string => (admission?.kind === "admitted" ? admission.eventId : "");

const isRetry = (code: string): boolean => (retryCodes as readonly string[]).includes(code);

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === "string" ? value : undefined;
}
