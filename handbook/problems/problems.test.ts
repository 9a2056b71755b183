import { expect, test } from "vitest";
import { eventCodeLists } from "../testing/event-code-lists.ts";
import { problems, problemSlugs } from "#gateway/problem.ts";
import { problemPath, queryProblems, queryProblemSlugs } from "#queries/problem.ts";
import { readErrorsPage } from "./errors-page.ts";
import { createProblemRoutes } from "./problem-routes.ts";

const told = readErrorsPage();
const app = createProblemRoutes(told);
const get = (path: string, accept?: string): Promise<Response> =>
  Promise.resolve(app.request(path, accept === undefined ? {} : { headers: { accept } }));

const types = [
  ...problemSlugs.map((slug) => [`/problems/${slug}`, problems[slug].status, problems[slug].title] as const),
  ...queryProblemSlugs.map((slug) => [problemPath(slug), queryProblems[slug].status, queryProblems[slug].title] as const),
];

test("[H6] docs/errors.md tells every problem that can be answered, and no other", () => {
  expect([...told.gateway.keys()].toSorted()).toEqual(problemSlugs.toSorted());
  expect([...told.queries.keys()].toSorted()).toEqual(queryProblemSlugs.toSorted());
  expect(told.events.map(({ code }) => code).toSorted()).toEqual(eventCodeLists.toSorted());
});

test.each(types)("[H6] %s is a page: for browsers, for programs, for terminals", async (type, status, title) => {
  const page = await get(type, "text/html,application/xhtml+xml,*/*;q=0.8");
  expect([page.status, page.headers.get("content-type"), page.headers.get("vary")]).toEqual([200, "text/html; charset=utf-8", "Accept"]);
  expect(page.headers.get("content-security-policy")).toContain("script-src 'self'; style-src 'self'");
  const html = await page.text();
  expect(html).toContain("<h2>What to do</h2>");
  expect(html).not.toMatch(/<script>|style=|onclick/);
  const json = (await (await get(type, "application/json")).json()) as Record<string, unknown>;
  expect(json).toMatchObject({
    type,
    status,
    title,
    meaning: expect.stringMatching(/\S{3}.*\.$/s) as string,
    remedy: expect.stringMatching(/\S{3}.*\.$/s) as string,
  });
  expect(json["example"]).toMatchObject({ type, status, title, docs: type, detail: expect.stringMatching(/\S/) as string });
  const text = await (await get(type, "*/*")).text();
  for (const part of [title, json["remedy"], `HTTP/1.1 ${status} `]) expect(text).toContain(part);
  expect(text).not.toContain("<");
});

test("[H6] the list leads to every page, in each form; what is no problem is not found", async () => {
  const { problems: listed } = (await (await get("/problems", "application/json")).json()) as { problems: { type: string }[] };
  expect(listed.map(({ type }) => type)).toEqual(types.map(([type]) => type));
  expect((await (await get("/problems")).text()).trim().split("\n")).toEqual(types.map(([type]) => type));
  const html = await (await get("/problems", "text/html")).text();
  for (const [type] of types) expect(html).toContain(`href="${type}"`);
  for (const path of ["/problems/none", "/problems/toString", "/problems/queries/too-deep", "/problems/__proto__"]) {
    const refused = await get(path, "text/html");
    expect([path, refused.status, ((await refused.json()) as { type: string }).type]).toEqual([path, 404, "/problems/not-found"]);
  }
});

test("[H6] the page of events that were all refused tells the code of each, and its example is of the door's own words", async () => {
  const page = await (await get("/problems/all-events-rejected", "text/html")).text();
  for (const { code } of told.events) expect(page).toContain(`<code>${code}</code>`);
  const { example } = (await (await get("/problems/all-events-rejected", "application/json")).json()) as {
    example: { results: unknown[] };
  };
  expect(example.results[0]).toMatchObject({ code: "schema_violation", pointer: "/data/quantty", didYouMean: "quantity" });
});
