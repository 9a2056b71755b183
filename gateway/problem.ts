import { STATUS_CODES } from "node:http";

/**
 * Every problem that a whole request can have (RFC 9457): the slug is the last part of its `type`, the metric's label, and the page
 * `/problems/{slug}`. What is wrong with single events stands in `results`, by the codes of `event-codes.ts`.
 */
export const problems = {
  "malformed-request": {
    status: 400,
    title: "The HTTP request itself is malformed",
    remedy: "Send well-formed HTTP/1.1 with one Host header; this is a bug of the client or of a proxy.",
  },
  "malformed-json": {
    status: 400,
    title: "The body is not JSON",
    remedy: "Repair the JSON at the byte offset told; as NDJSON a broken line costs one event instead of the request.",
  },
  "unexpected-body": {
    status: 400,
    title: "The body holds no events",
    remedy: 'Send one event, an array of events, {"events": […]}, or one event a line as application/x-ndjson.',
  },
  "invalid-utf8": { status: 400, title: "The body is not UTF-8", remedy: "Encode the body as UTF-8; other encodings are not read." },
  "empty-batch": { status: 400, title: "There is no event in the body", remedy: "Send at least one event." },
  "decompression-failed": {
    status: 400,
    title: "The body is not what its Content-Encoding says",
    remedy: "Compress the body once and name that coding, or send it plain without Content-Encoding.",
  },
  "too-deep": { status: 400, title: "The body is nested too deeply", remedy: "Flatten the event; the limit is told as limits.depth." },
  "missing-credentials": { status: 401, title: "A key is needed", remedy: "Send Authorization: Bearer with a secret key of this gateway." },
  "invalid-credentials": {
    status: 401,
    title: "The key is not known here",
    remedy: "Check the key and the gateway it belongs to; stop sending until it is right.",
  },
  "host-not-allowed": {
    status: 403,
    title: "The Host header names a host that this gateway does not serve",
    remedy: "Use the address that the gateway printed, or add the host to those allowed.",
  },
  "origin-not-allowed": {
    status: 403,
    title: "Pages of this origin may not call the gateway",
    remedy: "Post from a server, or from a page that this gateway serves.",
  },
  "not-found": {
    status: 404,
    title: "There is nothing at this address",
    remedy: "Events go to POST /v1/events; paths are taken literally, without normalising.",
  },
  "method-not-allowed": { status: 405, title: "This address does not take this method", remedy: "Use a method of the Allow header." },
  "request-timeout": { status: 408, title: "The request came too slowly", remedy: "Send it again; smaller batches help on a slow line." },
  "payload-too-large": {
    status: 413,
    title: "The request is larger than allowed",
    remedy: "Halve the batch and send it again; drop or split an event that is too large alone.",
  },
  "uri-too-long": {
    status: 414,
    title: "The query string is too long",
    remedy: "Shorten the query; the limit is told as limits.queryBytes.",
  },
  "unsupported-media-type": {
    status: 415,
    title: "The body's media type is not read here",
    remedy: "Use a media type of the Accept-Post header, in UTF-8.",
  },
  "unsupported-encoding": {
    status: 415,
    title: "The body's content coding is not read here",
    remedy: "Use one coding of the Accept-Encoding header, once.",
  },
  "headers-too-large": { status: 431, title: "The headers are too large or too many", remedy: "Send fewer or shorter headers." },
  "all-events-rejected": {
    status: 422,
    title: "No event of the request was accepted",
    remedy: "Read the code, pointer and detail of each result; do not send the events again unchanged.",
  },
  "internal-error": {
    status: 500,
    title: "The gateway has a bug",
    remedy: "Send the events again with the same ids, and report the requestId.",
  },
  "log-unavailable": {
    status: 503,
    title: "The log did not take the events",
    remedy: "Send the events again with the same ids, in the same order, after Retry-After.",
  },
  "temporary-reduced-capacity": {
    status: 503,
    title: "The gateway has more waiting than it may hold",
    remedy: "Send the request again after Retry-After, backing off with jitter.",
  },
  draining: {
    status: 503,
    title: "This gateway is shutting down",
    remedy: "Send the request again over a new connection after Retry-After.",
  },
  "ack-timeout": {
    status: 504,
    title: "The log did not confirm in time; the outcome is unknown",
    remedy: "Send the same events with the same ids again; what was stored answers duplicate.",
  },
} as const;

export type ProblemSlug = keyof typeof problems;
export const problemSlugs = Object.keys(problems) as readonly ProblemSlug[];
export const isProblemSlug = (text: string): text is ProblemSlug => Object.hasOwn(problems, text);

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

/** The page behind a problem's `type`, for people. */
export function problemPage(slug: ProblemSlug): string {
  const { status, title, remedy } = problems[slug];
  return `${slug} (${status})\n\n${title}.\n\nWhat to do: ${remedy}\n`;
}

/** Retry-After in whole seconds, spread so that those refused together do not come back together; `roll` is in [0, 1). */
export const retryAfterSeconds = (roll: number): number => 1 + Math.floor(roll * 4);
