import { type EventSchema, readEventSchema, readReleasedSchemas } from "./event-schema.ts";
import { type EventType, eventTypes } from "./event-types.ts";
import type { RecordType } from "./field-type.ts";
import { SchemaError } from "./schema-error.ts";

/** Every event type with the schema of its current version, in the order of `eventTypes`. */
export const eventRegistry: readonly EventSchema[] = eventTypes.map(readEventSchema);

const byType: ReadonlyMap<string, EventSchema> = new Map(eventRegistry.map((schema) => [schema.eventType, schema]));
const byTopic: ReadonlyMap<string, EventSchema> = new Map(eventRegistry.map((schema) => [schema.topic, schema]));
const released: ReadonlyMap<EventType, readonly EventSchema[]> = new Map(
  eventTypes.map((eventType) => [eventType, readReleasedSchemas(eventType)]),
);
const byId: ReadonlyMap<number, EventSchema> = collectIds();

export function isEventType(text: string): text is EventType {
  return byType.has(text);
}

export function schemaOf(eventType: EventType): EventSchema {
  return byType.get(eventType)!;
}

/** The type that a topic carries, or nothing for a topic of no event. */
export function schemaOfTopic(topic: string): EventSchema | undefined {
  return byTopic.get(topic);
}

/** The schema, current or released, that a schema id stands for. */
export function schemaOfId(schemaId: number): EventSchema | undefined {
  return byId.get(schemaId);
}

/** The released versions of an event type, the oldest first. */
export function releasedSchemasOf(eventType: EventType): readonly EventSchema[] {
  return released.get(eventType) ?? [];
}

/** The topic of an event type. */
export function topicOf(eventType: EventType): string {
  return schemaOf(eventType).topic;
}

/** The whole event, envelope and `data`, with the documentation of its fields. */
export function fieldTypeOf(eventType: EventType): RecordType {
  return schemaOf(eventType).type;
}

/** Ids of all versions; the current schema wins over a released copy of itself. */
function collectIds(): ReadonlyMap<number, EventSchema> {
  const schemas = new Map<number, EventSchema>();
  for (const schema of eventRegistry) {
    const taken = schemas.get(schema.schemaId);
    if (taken !== undefined) throw new SchemaError("SCHEMA_INVALID", `${schema.eventType} and ${taken.eventType} share an id`);
    schemas.set(schema.schemaId, schema);
  }
  for (const eventType of eventTypes) {
    for (const schema of releasedSchemasOf(eventType)) {
      const taken = schemas.get(schema.schemaId);
      if (taken === undefined) schemas.set(schema.schemaId, schema);
      else if (taken.eventType !== eventType) throw new SchemaError("SCHEMA_INVALID", `${eventType} ${schema.version} uses a taken id`);
    }
  }
  return schemas;
}
