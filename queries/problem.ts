/** Every problem that a question can have (RFC 9457): the slug ends its `type`, which is also the address of its page in the handbook. */
export const queryProblems = {
  "unknown-query": { status: 404, title: "There is no query of this name" },
  "unknown-node": { status: 404, title: "There is no node of this name" },
  "unknown-topic": { status: 404, title: "The topology reads no topic of this name" },
  "unknown-letter": { status: 404, title: "There is no dead letter of this name" },
  "settling-refused": { status: 403, title: "Dead letters may not be redriven or dropped from here" },
  "method-not-allowed": { status: 405, title: "Queries are read only" },
  "not-acceptable": { status: 406, title: "The answer cannot be given in a media type that is accepted" },
  "unknown-filter": { status: 400, title: "The query has no such column or parameter" },
  "invalid-parameter": { status: 400, title: "A parameter cannot be read" },
  "invalid-cursor": { status: 400, title: "The cursor is of no use here" },
  "invalid-token": { status: 400, title: "The token cannot be waited for" },
  "after-not-reached": { status: 504, title: "The answer does not show the awaited event yet" },
  "query-unavailable": { status: 503, title: "The query cannot be answered at the moment" },
  "too-many-readers": { status: 429, title: "As many streams are read as this process serves" },
  "stream-not-available": { status: 501, title: "This server does not serve streams" },
  "internal-error": { status: 500, title: "The query failed by a bug" },
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

/** The body of a problem: always `type, title, status, detail, docs`, then `more`. */
export function problemResponseBody({ slug, detail, more }: Omit<QueryProblem, "headers">): string {
  const { status, title } = queryProblems[slug];
  const type = problemPath(slug);
  return JSON.stringify({ type, title, status, detail, docs: type, ...more });
}

export function problemResponse({ headers, ...problem }: QueryProblem): Response {
  return new Response(problemResponseBody(problem), {
    status: queryProblems[problem.slug].status,
    headers: { "Content-Type": "application/problem+json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", ...headers },
  });
}
