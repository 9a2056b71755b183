/** Every problem that a question can have (RFC 9457): the slug ends its `type`, which is also the address of its page. */
export const queryProblems = {
  "unknown-query": {
    status: 404,
    title: "There is no query of this name",
    remedy: "Take a name from GET /v1/queries; names are the ids of the topology's nodes.",
  },
  "unknown-node": {
    status: 404,
    title: "There is no node of this name",
    remedy: "Take an id from the nodes of GET /v1/topology.",
  },
  "unknown-topic": {
    status: 404,
    title: "The topology reads no topic of this name",
    remedy: "Take a name from the topics of GET /v1/topology; those that have dead letters are read here.",
  },
  "unknown-letter": {
    status: 404,
    title: "There is no dead letter of this name",
    remedy: "Take a name (topic/partition/offset) from GET /v1/dead-letters; letters are kept 30 days.",
  },
  "settling-refused": {
    status: 403,
    title: "Dead letters may not be redriven or dropped from here",
    remedy: "Start the server on loopback, or with MILLRACE_KEY set and send that key.",
  },
  "settling-not-available": {
    status: 501,
    title: "This runtime does not redrive or drop dead letters",
    remedy: "`millrace dev` does. On Kafka post the event anew when its cause is mended; the letter has its bytes.",
  },
  "method-not-allowed": { status: 405, title: "Queries are read only", remedy: "Use GET." },
  "not-acceptable": {
    status: 406,
    title: "The answer cannot be given in a media type that is accepted",
    remedy: "Accept application/json, application/x-ndjson or text/csv, or say format=.",
  },
  "unknown-filter": {
    status: 400,
    title: "The query has no such column or parameter",
    remedy: "Filter by the columns of the query, which GET /v1/queries lists.",
  },
  "invalid-parameter": {
    status: 400,
    title: "A parameter cannot be read",
    remedy: "Read the detail: it says which, and what would be right.",
  },
  "invalid-cursor": {
    status: 400,
    title: "The cursor is of no use here",
    remedy: "Use a cursor as it was given, with the same query and the same filters, or begin without one.",
  },
  "invalid-token": {
    status: 400,
    title: "The token cannot be waited for",
    remedy: "Use tokens as the gateway gave them; several are joined by commas.",
  },
  "after-not-reached": {
    status: 504,
    title: "The answer does not show the awaited event yet",
    remedy: "Ask again, or wait longer: Prefer: wait=N, up to 60 seconds.",
  },
  "query-unavailable": {
    status: 503,
    title: "The query cannot be answered at the moment",
    remedy: "Ask again after Retry-After; if it stays so, look at /readyz and the log.",
  },
  "too-many-readers": {
    status: 429,
    title: "As many streams are read as this process serves",
    remedy: "Close streams that nobody looks at, share one connection, or ask without /stream; come back after Retry-After.",
  },
  "stream-not-available": {
    status: 501,
    title: "This runtime does not serve streams",
    remedy:
      "Ask again and again without /stream: the answer has an ETag, so that one that did not change costs nothing. `millrace dev` serves streams.",
  },
  "internal-error": { status: 500, title: "The query failed by a bug", remedy: "Report the request and its time; the log has the error." },
} as const;

export type QueryProblemSlug = keyof typeof queryProblems;
export const queryProblemSlugs = Object.keys(queryProblems) as readonly QueryProblemSlug[];
export const isQueryProblemSlug = (text: string): text is QueryProblemSlug => Object.hasOwn(queryProblems, text);

/** One answer that is a problem; `more` are members of the body beside those of RFC 9457. */
export type QueryProblem = {
  readonly slug: QueryProblemSlug;
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly more?: Readonly<Record<string, unknown>>;
};

/** Under `/problems/queries/`, where they do not meet those of the gateway. */
export const problemPath = (slug: QueryProblemSlug): string => `/problems/queries/${slug}`;

export function problemResponse({ slug, detail, headers, more }: QueryProblem): Response {
  const { status, title } = queryProblems[slug];
  const type = problemPath(slug);
  return new Response(JSON.stringify({ type, title, status, detail, docs: type, ...more }), {
    status,
    headers: { "Content-Type": "application/problem+json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", ...headers },
  });
}

/** The page behind a problem's `type`, for people. */
export function problemPage(slug: QueryProblemSlug): string {
  const { status, title, remedy } = queryProblems[slug];
  return `${slug} (${status})\n\n${title}.\n\nWhat to do: ${remedy}\n`;
}
