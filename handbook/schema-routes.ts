import { Hono } from "hono";
import { problemBody, problems, problemType } from "#gateway/problem.ts";
import { eventRegistry, isEventType, releasedSchemasOf, schemaOf } from "#schemas/event-registry.ts";
import { type EventSchema, toReleasedFile } from "#schemas/event-schema.ts";
import type { EventType } from "#schemas/event-types.ts";
import { jsonSchemaOfVersion } from "#schemas/json/json-schema.ts";
import { nearName } from "#schemas/json/near-name.ts";
import { respond, type Tagged, tagged } from "./tagged.ts";

export const schemasPath = "/v1/schemas";

/** `GET /v1/schemas`: the registry; one event type, in one version; JSON Schema of what is posted, Avro of what is kept, by Accept. [H4] */
export function createSchemaRoutes(): Hono {
  const app = new Hono();
  const registry = tagged(() => JSON.stringify({ schemas: eventRegistry.map(entryOf) }));
  const texts = new Map<string, Tagged>();
  const textOf = (name: string, make: () => string): Tagged => {
    if (!texts.has(name)) texts.set(name, tagged(make));
    return texts.get(name)!;
  };
  const schema = (schemaNow: EventSchema, request: Request): Response => {
    const { eventType, version } = schemaNow;
    const avro = /avro/i.test(request.headers.get("accept") ?? "");
    const text = avro
      ? textOf(`${eventType} ${version} avro`, () => toReleasedFile(schemaNow))
      : textOf(`${eventType} ${version}`, () => JSON.stringify(jsonSchemaOfVersion(schemaNow)));
    return respond(text(), request, {
      "Content-Type": avro ? "application/vnd.apache.avro+json" : "application/schema+json",
      Vary: "Accept",
    });
  };

  app.get(schemasPath, (c) => respond(registry(), c.req.raw, { "Content-Type": "application/json" }));
  app.get(`${schemasPath}/:type`, (c) => {
    const type = c.req.param("type");
    return isEventType(type) ? schema(schemaOf(type), c.req.raw) : unknownType(type);
  });
  app.get(`${schemasPath}/:type/versions/:version`, (c) => {
    const { type, version } = c.req.param();
    if (!isEventType(type)) return unknownType(type);
    const found = versionsOf(type).find((one) => one.version === version);
    return found === undefined
      ? notFound(
          `${type} has no such version; there are ${versionsOf(type)
            .map((one) => one.version)
            .join(", ")}`,
        )
      : schema(found, c.req.raw);
  });
  return app;
}

/** The oldest first; the current schema stands for a released copy of itself. */
function versionsOf(eventType: EventType): readonly EventSchema[] {
  const current = schemaOf(eventType);
  return [...releasedSchemasOf(eventType).filter(({ version }) => version !== current.version), current];
}

function entryOf({ eventType, version, topic, key, type }: EventSchema): object {
  const versions = versionsOf(eventType).map((one) => one.version);
  const links = Object.fromEntries([
    ["current", `${schemasPath}/${eventType}`],
    ...versions.map((one) => [one, `${schemasPath}/${eventType}/versions/${one}`]),
  ]);
  return { eventType, description: type.doc ?? "", version, versions, topic, key, links };
}

function unknownType(type: string): Response {
  const meant = nearName(
    type,
    eventRegistry.map(({ eventType }) => eventType),
  );
  return notFound(`there is no such event type${meant === undefined ? "" : `; did you mean "${meant}"?`}`);
}

function notFound(detail: string): Response {
  const body = problemBody({ slug: "not-found", detail }, { requestId: "", traceId: "" });
  return new Response(body, {
    status: problems["not-found"].status,
    headers: { "Content-Type": problemType, "Cache-Control": "no-store" },
  });
}
