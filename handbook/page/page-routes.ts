import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Hono } from "hono";
import type { OpenApi } from "../openapi/openapi.ts";
import type { ToldCode } from "../problems/errors-page.ts";
import { respond, tagged } from "../tagged.ts";
import { docsPage } from "./docs-page.ts";
import { escaped } from "./html.ts";
import { pageHeaders } from "./page-headers.ts";

export type PageRoutesOptions = { readonly document: () => OpenApi; readonly codes: readonly ToldCode[]; readonly keyed: boolean };

const mediaTypes = {
  "docs.css": "text/css; charset=utf-8",
  "docs.js": "text/javascript; charset=utf-8",
  "icon.svg": "image/svg+xml",
} as const;
const assets = fileURLToPath(new URL("../assets/", import.meta.url));
const here = "https://here.invalid";
const plainOrigin = /^https?:\/\/[\w.:[\]-]+$/;
const elsewhere = "http://localhost:8080";

/** `/docs`, and what it loads, under `/docs/`. [H5] */
export function createPageRoutes({ document, codes, keyed }: PageRoutesOptions): Hono {
  const app = new Hono();
  const page = tagged(() => docsPage({ document: document(), codes, keyed, origin: here }));
  app.get("/docs", (c) => {
    // The address by which the reader came is where the reader's events go.
    const asked = new URL(c.req.url).origin;
    // It stands in a line that people paste into a shell.
    const origin = plainOrigin.test(asked) ? asked : elsewhere;
    const { body } = page();
    return respond(tagged(() => body.replaceAll(here, escaped(origin)))(), c.req.raw, pageHeaders);
  });
  for (const [name, mediaType] of Object.entries(mediaTypes)) {
    const file = tagged(() => readFileSync(`${assets}${name}`, "utf8"));
    app.get(`/docs/${name}`, (c) =>
      respond(file(), c.req.raw, { "Content-Type": mediaType, "Content-Security-Policy": pageHeaders["Content-Security-Policy"]! }),
    );
  }
  return app;
}
