import { type ProblemSlug, problems } from "#gateway/problem.ts";
import { problemPath, queryProblems, type QueryProblemSlug } from "#queries/problem.ts";

/** A part of an OpenAPI document. */
export type Part = { readonly [name: string]: unknown };

/** A problem that can be answered: its `type`, status and title. */
export type AnyProblem = { readonly type: string; readonly slug: string; readonly status: number; readonly title: string };

export const gatewayProblem = (slug: ProblemSlug): AnyProblem => ({ type: `/problems/${slug}`, slug, ...problems[slug] });
export const queryProblem = (slug: QueryProblemSlug): AnyProblem => ({ type: problemPath(slug), slug, ...queryProblems[slug] });

export const schemaRef = (name: string): Part => ({ $ref: `#/components/schemas/${name}` });

export const answer = (description: string, mediaType: string, schema: Part, headers?: Part): Part => ({
  description,
  ...(headers === undefined ? {} : { headers }),
  content: { [mediaType]: { schema } },
});

export const jsonAnswer = (description: string, schema: Part, headers?: Part): Part =>
  answer(description, "application/json", schema, headers);

/** One answer a status, each naming the types that it may have. */
export function problemAnswers(found: readonly AnyProblem[]): Part {
  const byStatus = Map.groupBy(found, ({ status }) => status);
  return Object.fromEntries([...byStatus].map(([status, group]) => [String(status), problemAnswer(group, retryable.has(status))]));
}

const retryable: ReadonlySet<number> = new Set([429, 503, 504]);

export function problemAnswer(group: readonly AnyProblem[], retry = false): Part {
  const words = group.map(({ type, title }) => `${title} (\`${type}\`).`).join(" ");
  const schema = { allOf: [schemaRef("Problem")], properties: { type: { enum: group.map(({ type }) => type) } } };
  return answer(words, "application/problem+json", schema, retry ? { "Retry-After": retryAfter } : undefined);
}

export const retryAfter: Part = { description: "Seconds after which to come back.", schema: { type: "integer", minimum: 1 } };

export const text = (description: string, more: Part = {}): Part => ({ type: "string", description, ...more });

/** An object with these properties, all of them required but those whose names end in `?`. */
export function object(properties: Readonly<Record<string, Part>>, more: Part = {}): Part {
  const named = Object.entries(properties).map(([name, schema]) => [name.replace(/\?$/, ""), schema] as const);
  const required = Object.keys(properties).filter((name) => !name.endsWith("?"));
  return { type: "object", ...more, properties: Object.fromEntries(named), required };
}
