import { type Context, Hono } from "hono";
import { problemBody, problems, problemType } from "#gateway/problem.ts";
import { pageHeaders } from "../page/page-headers.ts";
import { respond, type Tagged, tagged } from "../tagged.ts";
import type { ErrorsPage } from "./errors-page.ts";
import { problemHtml, problemListHtml, problemText } from "./problem-markup.ts";
import { type ProblemPage, problemPages } from "./problem-pages.ts";

type Forms = { readonly html: Tagged; readonly json: Tagged; readonly text: Tagged };

/** `/problems` and the page of each problem: HTML for browsers, JSON for programs, text for terminals. [H6] */
export function createProblemRoutes(told: ErrorsPage): Hono {
  const app = new Hono();
  const pages = problemPages(told);
  const list: Forms = {
    html: tagged(() => problemListHtml(pages)),
    json: tagged(() => JSON.stringify({ problems: pages.map(shown) })),
    text: tagged(() => pages.map(({ type }) => `${type}\n`).join("")),
  };
  const forms = new Map<string, Forms>(
    pages.map((page) => [
      page.type,
      {
        html: tagged(() => problemHtml(page, told.events)),
        json: tagged(() => JSON.stringify(shown(page))),
        text: tagged(() => problemText(page)),
      },
    ]),
  );
  app.get("/problems", (c) => answer(c, list));
  for (const path of ["/problems/:slug", "/problems/queries/:slug"]) {
    app.get(path, (c) => {
      const found = forms.get(c.req.path);
      return found === undefined ? noSuchProblem() : answer(c, found);
    });
  }
  return app;
}

const shown = ({ type, status, title, meaning, remedy, example }: ProblemPage): object => ({
  type,
  status,
  title,
  meaning,
  remedy,
  example,
});

function answer(c: Context, { html, json, text }: Forms): Response {
  const accept = c.req.header("accept") ?? "";
  const vary = { Vary: "Accept" };
  if (/text\/html/i.test(accept)) return respond(html(), c.req.raw, { ...pageHeaders, ...vary });
  if (/application\/([\w.-]+\+)?json/i.test(accept)) return respond(json(), c.req.raw, { "Content-Type": "application/json", ...vary });
  return respond(text(), c.req.raw, { "Content-Type": "text/plain; charset=utf-8", ...vary });
}

function noSuchProblem(): Response {
  const body = problemBody({ slug: "not-found", detail: "there is no such problem; /problems lists them" }, { requestId: "", traceId: "" });
  return new Response(body, {
    status: problems["not-found"].status,
    headers: { "Content-Type": problemType, "Cache-Control": "no-store" },
  });
}
