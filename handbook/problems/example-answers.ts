import { tooLarge } from "#gateway/admission/decode-body.ts";
import { acceptedTypes } from "#gateway/admission/media-type.ts";
import { defaultLimits } from "#gateway/limits.ts";
import { type Problem, type ProblemSlug } from "#gateway/problem.ts";
import { type QueryProblem, type QueryProblemSlug } from "#queries/problem.ts";
import { exampleOf } from "#schemas/json/example.ts";
import { parseEvent } from "#schemas/parse-event.ts";

type Example = Pick<Problem, "detail" | "headers" | "more">;

const limits = defaultLimits;
const retryAfter = { "Retry-After": "2" };

/** What each problem of the gateway looks like when it is answered. */
export const gatewayExamples: Readonly<Record<ProblemSlug, Example>> = {
  "malformed-request": { detail: "there are two Host headers" },
  "malformed-json": { detail: "the JSON breaks off at byte 17", more: { byteOffset: 17 } },
  "unexpected-body": { detail: "the body is neither an object nor an array" },
  "invalid-utf8": { detail: "the body holds bytes that are not UTF-8" },
  "empty-batch": { detail: "there is no event in the array" },
  "decompression-failed": { detail: "the body could not be read as gzip (Z_DATA_ERROR)", more: { coding: "gzip" } },
  "too-deep": { detail: `objects and arrays may lie ${limits.depth} deep`, more: { limits } },
  "missing-credentials": { detail: "send Authorization: Bearer with a key", headers: { "WWW-Authenticate": "Bearer" } },
  "invalid-credentials": { detail: "this key is not known here", headers: { "WWW-Authenticate": "Bearer" } },
  "host-not-allowed": { detail: "the Host header names a host that is not served here" },
  "origin-not-allowed": { detail: "pages of another origin may not call this gateway" },
  "not-found": { detail: "events are posted to /v1/events, queries are asked at /v1/queries; /docs tells every address" },
  "method-not-allowed": { detail: "events are posted to this address; /docs has a line to copy", headers: { Allow: "POST" } },
  "request-timeout": { detail: "the body came too slowly", headers: { Connection: "close" } },
  "payload-too-large": tooLarge("events", limits.events + 1, limits),
  "uri-too-long": { detail: `a query has at most ${limits.queryBytes} bytes`, more: { limit: limits.queryBytes } },
  "unsupported-media-type": {
    detail: `text/plain is not read here: send ${acceptedTypes}, in UTF-8`,
    headers: { "Accept-Post": acceptedTypes },
  },
  "unsupported-encoding": {
    detail: "send one of gzip, deflate, br, zstd, once, or none",
    headers: { "Accept-Encoding": "gzip, deflate, br, zstd" },
  },
  "headers-too-large": { detail: `a request has at most ${limits.headerCount} headers`, more: { limit: limits.headerCount } },
  "all-events-rejected": { detail: "1 of 1 events were rejected", more: { results: [rejectedCart()] } },
  "internal-error": { detail: "the request could not be handled" },
  "log-unavailable": { detail: "the log took none of 2 events", headers: retryAfter },
  "temporary-reduced-capacity": { detail: `more than ${limits.waitingBytes} bytes are waiting for the log`, headers: retryAfter },
  draining: { detail: "this gateway is shutting down", headers: { Connection: "close", "Retry-After": "1" } },
  "ack-timeout": { detail: "the log did not confirm 1 of 2 events in time", headers: retryAfter },
};

/** What each problem of a query looks like. */
export const queryExamples: Readonly<Record<QueryProblemSlug, Pick<QueryProblem, "detail" | "headers" | "more">>> = {
  "unknown-query": {
    detail: 'there is no query "stock-level"; did you mean "stock-levels"?',
    more: { didYouMean: "stock-levels", queries: "/v1/queries" },
  },
  "unknown-node": { detail: 'there is no node "order"; did you mean "orders"?', more: { parameter: "node", didYouMean: "orders" } },
  "unknown-topic": { detail: 'there is no topic "orders"', more: { parameter: "topic" } },
  "unknown-letter": { detail: "there is no letter business.orders.created.dlq/0/7: it was never there, or its time is over" },
  "settling-refused": { detail: "other machines can reach this server, and it asks nobody for a key" },
  "method-not-allowed": { detail: "queries are read", headers: { Allow: "GET, HEAD" } },
  "not-acceptable": { detail: "answers are application/json, application/x-ndjson or text/csv" },
  "unknown-filter": {
    detail: '"stock-levels" has no column "skuu"; did you mean "sku"?',
    more: { columns: ["sku", "level"], didYouMean: "sku" },
  },
  "invalid-parameter": { detail: '"limit" is a whole number, at least 1', more: { parameter: "limit" } },
  "invalid-cursor": { detail: "this cursor was not given for this query and these filters" },
  "invalid-token": { detail: 'not a token: "yesterday" is none', more: { parameter: "after" } },
  "after-not-reached": {
    detail: "the awaited event has not come through to this query; what it shows is as of asOf",
    headers: { "Retry-After": "1" },
    more: { asOf: { streamTime: "2026-11-21T09:00:01.250Z", offsets: {} }, lagMs: 1200 },
  },
  "query-unavailable": { detail: "the engine did not answer in time", headers: { "Retry-After": "1" } },
  "too-many-readers": { detail: "2000 streams are read", headers: { "Retry-After": "5" }, more: { limit: 2000 } },
  "stream-not-available": { detail: "queries of several processes are answered, but not streamed" },
  "internal-error": { detail: "the query could not be answered" },
};

/** A misspelt field, judged by the door itself. */
function rejectedCart(): object {
  const { data, ...event } = exampleOf("cart.item_added") as { readonly data: Readonly<Record<string, unknown>>; readonly eventId: string };
  const { quantity, ...rest } = data;
  const parsed = parseEvent({ ...event, data: { ...rest, quantty: quantity } });
  const errors = parsed.kind === "invalid" ? parsed.problems : [];
  return { i: 0, eventId: event.eventId, status: "rejected", ...errors[0], errors };
}
