import { Hono } from "hono";
import type { TopicSpec } from "@millrace/engine";
import { schemaOfTopic } from "#schemas/event-registry.ts";

/**
 * `GET /v1/retention`: how long the topics of events keep what they are given (null: for ever), judged by the time of the record as Kafka does.
 * Whoever posts old events asks here first.
 */
export function createRetentionRoute(specs: readonly TopicSpec[]): Hono {
  const topics = specs.flatMap(({ name, retention }) => {
    const eventType = schemaOfTopic(name)?.eventType;
    return eventType === undefined ? [] : [{ topic: name, eventType, keepsMs: retention.kind === "time" ? retention.ms : null }];
  });
  const app = new Hono();
  app.get("/v1/retention", (c) => c.json({ judgedBy: "record-time", topics }, 200, { "Cache-Control": "no-store" }));
  return app;
}
