import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Hono } from "hono";
import type { House } from "./house.ts";
import { type OpenApi, openapiOf } from "./openapi/openapi.ts";
import { createPageRoutes } from "./page/page-routes.ts";
import { readErrorsPage } from "./problems/errors-page.ts";
import { createProblemRoutes } from "./problems/problem-routes.ts";
import { createSchemaRoutes } from "./schema-routes.ts";
import { respond, tagged } from "./tagged.ts";

/** What is served, told: `/openapi.json`, its page `/docs`, `/v1/schemas`, and a page for every problem. */
export function createHandbook(house: House): Hono {
  const app = new Hono();
  const told = readErrorsPage();
  let made: OpenApi | undefined;
  const document = (): OpenApi => (made ??= openapiOf(house, versionOfMillrace()));
  const text = tagged(() => JSON.stringify(document()));
  app.get("/openapi.json", (c) => respond(text(), c.req.raw, { "Content-Type": "application/json" }));
  app.route("/", createPageRoutes({ document, codes: told.events, keyed: house.keyed }));
  app.route("/", createProblemRoutes(told));
  app.route("/", createSchemaRoutes());
  return app;
}

function versionOfMillrace(): string {
  const file = fileURLToPath(new URL("../package.json", import.meta.url));
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
