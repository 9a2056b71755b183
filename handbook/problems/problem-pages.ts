import { problemBody, problems, type ProblemSlug, problemSlugs } from "#gateway/problem.ts";
import { problemPath, problemResponseBody, queryProblems, type QueryProblemSlug, queryProblemSlugs } from "#queries/problem.ts";
import { type ErrorsPage } from "./errors-page.ts";
import { gatewayExamples, queryExamples } from "./example-answers.ts";

/** A problem for whoever was answered with it. */
export type ProblemPage = {
  /** The `type` of its answers, and the address of its page. */
  readonly type: string;
  readonly slug: string;
  /** Who answers it. */
  readonly of: "gateway" | "queries";
  readonly status: number;
  readonly title: string;
  readonly meaning: string;
  readonly remedy: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The body of an answer. */
  readonly example: unknown;
};

const ids = { requestId: "019a9d2c-0d5e-7000-8000-000000000000", traceId: "4bf92f3577b34da6a3ce929d0e0e4736" };

/** Every problem that can be answered, with what `docs/errors.md` says of it; its test holds the two against each other. [H6] */
export function problemPages(told: ErrorsPage): readonly ProblemPage[] {
  return [
    ...problemSlugs.map((slug): ProblemPage => {
      const { headers = {}, ...problem } = gatewayExamples[slug];
      const example = problemBody({ slug, ...problem }, ids);
      return {
        type: `/problems/${slug}`,
        slug,
        of: "gateway",
        ...problems[slug],
        ...wordsOf(told.gateway, slug, problems[slug].title),
        headers,
        example: JSON.parse(example),
      };
    }),
    ...queryProblemSlugs.map((slug): ProblemPage => {
      const { headers = {}, ...problem } = queryExamples[slug];
      const example = problemResponseBody({ slug, ...problem });
      return {
        type: problemPath(slug),
        slug,
        of: "queries",
        ...queryProblems[slug],
        ...wordsOf(told.queries, slug, queryProblems[slug].title),
        headers,
        example: JSON.parse(example),
      };
    }),
  ];
}

/** The title stands above the meaning, and is not said twice. */
function wordsOf(
  told: ErrorsPage["gateway"],
  slug: ProblemSlug | QueryProblemSlug,
  title: string,
): Pick<ProblemPage, "meaning" | "remedy"> {
  const { meaning = "", remedy = "" } = told.get(slug) ?? {};
  return { meaning: meaning.startsWith(`${title}. `) ? meaning.slice(title.length + 2) : meaning, remedy };
}
