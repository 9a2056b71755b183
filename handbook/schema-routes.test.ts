import { expect, test } from "vitest";
import { schemaOf } from "#schemas/event-registry.ts";
import { eventTypes } from "#schemas/event-types.ts";
import { jsonSchemaOf } from "#schemas/json/json-schema.ts";
import { createSchemaRoutes } from "./schema-routes.ts";

const app = createSchemaRoutes();
const get = (path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
  Promise.resolve(app.request(path, { headers }));

test("[H4] the registry names every event type with its versions, its topic and its key, and its links lead there", async () => {
  const { schemas } = (await (await get("/v1/schemas")).json()) as {
    schemas: { eventType: string; versions: string[]; links: Record<string, string> }[];
  };
  expect(schemas.map(({ eventType }) => eventType)).toEqual(eventTypes);
  for (const { versions, links } of schemas) {
    expect(versions.length).toBeGreaterThan(0);
    for (const link of Object.values(links)) expect((await get(link)).status, link).toBe(200);
  }
});

test("[H4] a schema is JSON Schema, or Avro for who accepts it; it has a tag", async () => {
  const json = await get("/v1/schemas/order.created");
  expect(json.headers.get("content-type")).toBe("application/schema+json");
  expect(await json.json()).toEqual(JSON.parse(JSON.stringify(jsonSchemaOf("order.created"))));
  const { version, schemaId } = schemaOf("order.created");
  const avro = await get(`/v1/schemas/order.created/versions/${version}`, { accept: "application/vnd.apache.avro+json" });
  expect(await avro.json()).toMatchObject({ type: "record", name: "OrderCreatedEvent", eventType: "order.created", version, schemaId });
  expect(avro.headers.get("etag")).not.toBe(json.headers.get("etag"));
  expect((await get("/v1/schemas/order.created", { "if-none-match": json.headers.get("etag")! })).status).toBe(304);
});

test("[H4] an unknown type or version is refused with what was probably meant", async () => {
  const type = await get("/v1/schemas/order.creatd");
  expect([type.status, await type.json()]).toEqual([
    404,
    expect.objectContaining({ detail: expect.stringContaining('did you mean "order.created"') as string }),
  ]);
  const version = await get("/v1/schemas/order.created/versions/9.9.9");
  expect([version.status, await version.json()]).toEqual([
    404,
    expect.objectContaining({ detail: expect.stringContaining("there are 1.0.0") as string }),
  ]);
});
