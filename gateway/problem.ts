import { STATUS_CODES } from "node:http";

/**
 * Every problem that a whole request can have (RFC 9457): the slug is the last part of its `type` and the metric's label. Its page,
 * `/problems/{slug}`, is the handbook's, made of `docs/errors.md`. What is wrong with single events stands in `results`, by the codes of `event-codes.ts`.
 */
export const problems = {
  "malformed-request": { status: 400, title: "The HTTP request itself is malformed" },
  "malformed-json": { status: 400, title: "The body is not JSON" },
  "unexpected-body": { status: 400, title: "The body holds no events" },
  "invalid-utf8": { status: 400, title: "The body is not UTF-8" },
  "empty-batch": { status: 400, title: "There is no event in the body" },
  "decompression-failed": { status: 400, title: "The body is not what its Content-Encoding says" },
  "too-deep": { status: 400, title: "The body is nested too deeply" },
  "missing-credentials": { status: 401, title: "A key is needed" },
  "invalid-credentials": { status: 401, title: "The key is not known here" },
  "host-not-allowed": { status: 403, title: "The Host header names a host that this gateway does not serve" },
  "origin-not-allowed": { status: 403, title: "Pages of this origin may not call the gateway" },
  "not-found": { status: 404, title: "There is nothing at this address" },
  "method-not-allowed": { status: 405, title: "This address does not take this method" },
  "request-timeout": { status: 408, title: "The request came too slowly" },
  "payload-too-large": { status: 413, title: "The request is larger than allowed" },
  "uri-too-long": { status: 414, title: "The query string is too long" },
  "unsupported-media-type": { status: 415, title: "The body's media type is not read here" },
  "unsupported-encoding": { status: 415, title: "The body's content coding is not read here" },
  "headers-too-large": { status: 431, title: "The headers are too large or too many" },
  "all-events-rejected": { status: 422, title: "No event of the request was accepted" },
  "internal-error": { status: 500, title: "The gateway has a bug" },
  "log-unavailable": { status: 503, title: "The log did not take the events" },
  "temporary-reduced-capacity": { status: 503, title: "The gateway has more waiting than it may hold" },
  draining: { status: 503, title: "This gateway is shutting down" },
  "ack-timeout": { status: 504, title: "The log did not confirm in time; the outcome is unknown" },
} as const;

export type ProblemSlug = keyof typeof problems;
export const problemSlugs = Object.keys(problems) as readonly ProblemSlug[];

/** One answer that is a problem; `more` are members of the body beside those of RFC 9457 (limit, actual, scope, results…). */
export type Problem = {
  readonly slug: ProblemSlug;
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly more?: Readonly<Record<string, unknown>>;
};

export const problemType = "application/problem+json";

/** The body of a problem: always `type, title, status, detail, requestId, traceId, docs`, then `more`. */
export function problemBody(problem: Problem, ids: { readonly requestId: string; readonly traceId: string }): string {
  const { status, title } = problems[problem.slug];
  const type = `/problems/${problem.slug}`;
  return JSON.stringify({ type, title, status, detail: problem.detail, ...ids, docs: type, ...problem.more });
}

/** A problem for a socket on which no request could be read (`clientError` of node:http). */
export function rawProblemResponse(slug: ProblemSlug, detail: string): string {
  const { status } = problems[slug];
  const body = problemBody({ slug, detail }, { requestId: "", traceId: "" });
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    `Content-Type: ${problemType}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
    "",
    body,
  ].join("\r\n");
}

/** Retry-After in whole seconds, spread so that those refused together do not come back together; `roll` is in [0, 1). */
export const retryAfterSeconds = (roll: number): number => 1 + Math.floor(roll * 4);
