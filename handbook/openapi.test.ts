import { Validator } from "@seriousme/openapi-schema-validator";
import type { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { problemSlugs } from "#gateway/problem.ts";
import { defaultLimits } from "#gateway/limits.ts";
import { problemPath, queryProblemSlugs } from "#queries/problem.ts";
import { eventTypes } from "#schemas/event-types.ts";
import { type OpenApi, openapiOf, type Operation } from "./openapi/openapi.ts";
import { DevServer } from "./testing/dev-server.ts";
import { complaintsOf, newValidator } from "./testing/validators.ts";

type Example = { readonly value: unknown };
type Body = { readonly content: Readonly<Record<string, { readonly examples: Readonly<Record<string, Example>> }>> };
type Parameter = { readonly name: string; readonly in: string; readonly schema: { readonly enum?: readonly string[] } };

/** A validator that finds the document's schemas by their references. */
function validatorOf(document: OpenApi): Ajv2020 {
  const ajv = newValidator();
  ajv.addVocabulary(["openapi", "info", "servers", "tags", "paths", "components"]);
  return ajv.addSchema({ $id: "openapi", ...document });
}

/** The JSON Schema of one answer, with its references made whole. */
function answerSchema(operation: Operation, status: number, mediaType: string): object | undefined {
  const responses = operation.responses as Partial<Record<string, { content?: Partial<Record<string, { schema: object }>> }>>;
  const schema = responses[String(status)]?.content?.[mediaType]?.schema;
  return schema === undefined ? undefined : (JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"openapi#/')) as object);
}

describe("/openapi.json of a running process", () => {
  const server = new DevServer();
  let document: OpenApi;
  let ajv: Ajv2020;

  beforeAll(async () => {
    await server.start();
    document = (await (await fetch(`${server.url}/openapi.json`)).json()) as OpenApi;
    ajv = validatorOf(document);
  }, 60_000);
  afterAll(() => server.close());

  const operations = (): readonly (readonly [string, string, Operation])[] =>
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, one]) => [path, method, one] as const),
    );

  /** Asks, and holds the answer against what the document says of it. */
  async function ask(
    path: string,
    init?: RequestInit & { readonly at?: string },
  ): Promise<{ readonly status: number; readonly body: unknown }> {
    const response = await fetch(`${server.url}${path}`, { signal: AbortSignal.timeout(10_000), ...init });
    const mediaType = (response.headers.get("content-type") ?? "").split(";")[0]!;
    const told = document.paths[init?.at ?? path.split("?")[0]!]![(init?.method ?? "GET").toLowerCase()]!;
    const schema = answerSchema(told, response.status, mediaType);
    expect(schema, `${path} answers ${response.status} ${mediaType}, which is not told`).toBeDefined();
    const text = await response.text();
    const body: unknown = /[/+]json$/.test(mediaType) ? JSON.parse(text) : text;
    const validate = ajv.compile(schema!);
    expect(validate(body), `${path}: ${complaintsOf(validate)} in ${text.slice(0, 1000)}`).toBe(true);
    return { status: response.status, body };
  }

  test("[H1] it is valid OpenAPI 3.1", async () => {
    const validator = new Validator();
    const found = await validator.validate(structuredClone(document) as Readonly<Record<string, unknown>>);
    expect(found.errors ?? []).toEqual([]);
    expect(found.valid).toBe(true);
    expect(validator.version).toBe("3.1");
    for (const name of Object.keys(document.components.schemas))
      expect(() => ajv.compile({ $ref: `openapi#/components/schemas/${name}` }), name).not.toThrow();
  });

  test("[H1] it tells every route, each operation under a name of its own, and no route that is not there", async () => {
    expect(operations().filter(([, , { operationId }]) => operationId.startsWith("untold"))).toEqual([]);
    const ids = operations().map(([, , { operationId }]) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [path, method] of operations()) {
      const filled = path
        .replace("{type}", "order.created")
        .replace("{version}", "1.0.0")
        .replace("{slug}", path.includes("queries") ? "unknown-query" : "not-found");
      const response = await fetch(`${server.url}${filled}`, { method: method.toUpperCase(), signal: AbortSignal.timeout(10_000) });
      expect(response.status, path).not.toBe(404);
      await response.body?.cancel();
    }
  });

  test.each(eventTypes)("[H2] the example of %s is accepted as it stands", async (eventType) => {
    const { content } = document.paths["/v1/events"]!["post"]!.requestBody as Body;
    const body = JSON.stringify(content["application/json"]!.examples[eventType]!.value);
    const posted = await ask("/v1/events", { method: "POST", body, headers: { "content-type": "application/json" } });
    expect(posted).toMatchObject({ status: 200, body: { results: [{ status: "accepted" }] } });
    expect(posted.body).not.toHaveProperty("results.0.warnings");
  });

  test("[H2] so is every example of every media type", async () => {
    const { content } = document.paths["/v1/events"]!["post"]!.requestBody as Body;
    expect(Object.keys(content)).toEqual(["application/json", "application/x-ndjson", "application/ndjson", "application/jsonl"]);
    for (const [mediaType, { examples }] of Object.entries(content)) {
      for (const [name, { value }] of Object.entries(examples)) {
        const body = typeof value === "string" ? value : JSON.stringify(value);
        const posted = await ask("/v1/events", { method: "POST", body, headers: { "content-type": mediaType } });
        expect(posted.status, `${mediaType} ${name}`).toBe(200);
      }
    }
  });

  test("[H1] answers to posts are as told: mixed, refused, unreadable", async () => {
    const post = (body: string, type = "application/json") =>
      ask("/v1/events", { method: "POST", body, headers: { "content-type": type } });
    const good = { eventType: "product.viewed", metadata: { sessionId: "s" }, data: { sku: "a" } };
    expect(
      (await post(JSON.stringify({ sentAt: new Date().toISOString(), events: [good, { ...good, data: { skuu: "a" } }, 7] }))).status,
    ).toBe(207);
    expect((await post(JSON.stringify([{ eventType: "order.creatd" }]))).status).toBe(422);
    expect((await post("{")).status).toBe(400);
    expect((await post("[]")).status).toBe(400);
    expect((await post("<a/>", "text/xml")).status).toBe(415);
    expect((await post(JSON.stringify(Array.from({ length: 1001 }, () => good)))).status).toBe(413);
  });

  test("[H1] every address that is read answers as told", async () => {
    for (const [path, method, { tags }] of operations()) {
      if (method !== "get" || tags[0] === "Streams" || path.includes("{")) continue;
      expect((await ask(path)).status, path).toBe(200);
    }
    for (const eventType of ["order.created", "no.such"]) await ask(`/v1/schemas/${eventType}`, { at: "/v1/schemas/{type}" });
    await ask("/v1/schemas/order.created/versions/1.0.0", {
      at: "/v1/schemas/{type}/versions/{version}",
      headers: { accept: "application/vnd.apache.avro+json" },
    });
    await ask("/v1/schemas/order.created/versions/9.0.0", { at: "/v1/schemas/{type}/versions/{version}" });
    await ask("/v1/dead-letters?node=nobody");
    await ask("/v1/dead-letters?limit=0");
  });

  test("[H1] every parameter of every query is taken, and nothing else is", async () => {
    const pulls = operations().filter(([path, , { tags }]) => tags[0] === "Queries" && path !== "/v1/queries");
    expect(pulls.length).toBeGreaterThan(5);
    const texts: Readonly<Record<string, string>> = { limit: "5", from: "-30m", to: "2030-01-01" };
    for (const [path, , { parameters }] of pulls) {
      for (const { name, in: place, schema } of parameters as unknown as readonly Parameter[]) {
        if (place !== "query" || name === "cursor" || name === "after") continue;
        for (const value of schema.enum ?? [texts[name] ?? "1"]) {
          const { status, body } = await ask(`${path}?${name}=${encodeURIComponent(value)}`);
          // A filter by a time or a truth wants one; that it is known shows.
          if (status !== 200) expect([name, (body as { type: string }).type]).toEqual([name, "/problems/queries/invalid-parameter"]);
        }
      }
      expect(await ask(`${path}?no-such=1`)).toMatchObject({ status: 400 });
      expect(await ask(`${path}?cursor=x`)).toMatchObject({ status: 400 });
      expect(await ask(`${path}?after=x`)).toMatchObject({ status: 400 });
      expect(await ask(path, { headers: { accept: "image/png" } })).toMatchObject({ status: 406 });
    }
  });

  test("[H1] every stream that is told begins, and takes its parameters", async () => {
    const streams = operations().filter(([, , { tags }]) => tags[0] === "Streams");
    expect(streams.length).toBeGreaterThan(5);
    for (const [path] of streams) {
      const response = await fetch(`${server.url}${path}?snapshot=0`, { signal: AbortSignal.timeout(10_000) });
      expect([response.status, response.headers.get("content-type")]).toEqual([200, expect.stringContaining("text/event-stream")]);
      await response.body?.cancel();
      await ask(`${path}?snapshot=2`);
    }
  });

  test("[H1] every problem is told somewhere; it is tagged, and not sent twice", async () => {
    const told = new Set(JSON.stringify(document).match(/\/problems\/(queries\/)?[a-z0-9-]+/g));
    const all = [...problemSlugs.map((slug) => `/problems/${slug}`), ...queryProblemSlugs.map(problemPath)];
    // Who streams does not say that it does not.
    expect(all.filter((type) => !told.has(type))).toEqual(["/problems/queries/stream-not-available"]);
    const etag = (await fetch(`${server.url}/openapi.json`)).headers.get("etag")!;
    expect((await fetch(`${server.url}/openapi.json`, { headers: { "if-none-match": etag } })).status).toBe(304);
  });
});

test("[H1] what a process does not serve is not told: posts, streams, keys", () => {
  const routes = [
    { method: "POST", path: "/v1/events" },
    { method: "GET", path: "/v1/queries/:name/stream" },
    { method: "GET", path: "/v1/new" },
  ];
  const house = {
    topology: "t",
    catalogue: [],
    limits: defaultLimits,
    keyed: true,
    takesEvents: false,
    streamed: false,
    routes: () => routes,
  };
  const document = openapiOf(house, "1.0.0");
  expect(Object.keys(document.paths)).toEqual(["/v1/new"]);
  expect(document.paths["/v1/new"]!["get"]!.operationId).toMatch(/^untold/);
  const running = ["/v1/retention", "/readyz", "/problems/queries/:slug"].map((path) => ({ method: "GET", path }));
  const run = openapiOf(
    { ...house, routes: () => [...running, { method: "POST", path: "/internal/query-shares" }, { method: "GET", path: "/" }] },
    "1.0.0",
  );
  expect(Object.entries(run.paths).map(([path, { get }]) => `${path} ${get!.operationId}`)).toEqual([
    "/v1/retention getRetention",
    "/readyz getReadiness",
    "/problems/queries/{slug} getQueryProblem",
  ]);
  const keyed = openapiOf({ ...house, takesEvents: true }, "1.0.0");
  expect(keyed.paths["/v1/events"]!["post"]).toMatchObject({ security: [{ key: [] }] });
  expect(keyed.components).toHaveProperty("securitySchemes.key");
});
