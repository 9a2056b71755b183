import { type Doors, openDoors } from "./event-door.ts";
import { keyOf } from "./event-key.ts";
import { eventRegistry, isEventType, releasedSchemasOf, schemaOf } from "./event-registry.ts";
import type { EventSchema } from "./event-schema.ts";
import { type EventType, eventTypes } from "./event-types.ts";
import type { RecordType } from "./field-type.ts";
import { compileParser } from "./json/compile-parser.ts";
import { nearName } from "./json/near-name.ts";
import { type Problem, type WarningCode, ProblemList } from "./json/problem.ts";
import { SchemaError } from "./schema-error.ts";
import type { ShopEvent } from "./shop-event.ts";
import { parseVersion } from "./version.ts";

export type ParsedEvent =
  | {
      readonly kind: "parsed";
      readonly event: ShopEvent;
      /** By the rule of the schema, in NFC. */
      readonly key: string;
      /** Of the current version, as which the event is to be encoded. */
      readonly schema: EventSchema;
      readonly warnings: readonly Problem<WarningCode>[];
    }
  | { readonly kind: "invalid"; readonly problems: readonly Problem[]; readonly warnings: readonly Problem<WarningCode>[] };

/** Opened when an event of the type first comes: a process meets only some of them. */
const opened = new Map<string, Doors>();

function doorsOf(eventType: string): Doors | undefined {
  let doors = opened.get(eventType);
  if (doors === undefined && isEventType(eventType)) {
    doors = openDoors(schemaOf(eventType), releasedSchemasOf(eventType));
    opened.set(eventType, doors);
  }
  return doors;
}

/**
 * An event out of parsed JSON, or everything that is wrong with it, at most a hundred mistakes. Nothing is coerced; what an older version
 * lacks takes its default; unknown fields are told in `warnings` and not kept. Never throws, whatever the JSON. [E3]
 */
export function parseEvent(json: unknown): ParsedEvent {
  const problems = new ProblemList();
  const given =
    typeof json === "object" && json !== null && !Array.isArray(json) ? (json as Partial<Readonly<Record<string, unknown>>>) : undefined;
  const doors = typeof given?.["eventType"] === "string" ? doorsOf(given["eventType"]) : undefined;
  if (doors === undefined) return explainEnvelope(json, given, problems);
  const version = given!["eventVersion"];
  let door = doors.current;
  if (version !== doors.schema.version && typeof version === "string") {
    const older = doors.older.get(version);
    if (older !== undefined) door = older;
    else if (parseVersion(version) !== undefined) explainVersion(doors, problems);
  }
  const parsed = door.parse(json, problems);
  if (problems.valid) {
    const event = (door.upcast === undefined ? parsed : door.upcast(parsed)) as ShopEvent;
    const key = keyOf(event);
    if (key !== undefined)
      return { kind: "parsed", event, key, schema: doors.schema, warnings: problems.size === 0 ? none : problems.warnings };
    explainKey(doors, problems);
  }
  return { kind: "invalid", problems: problems.errors, warnings: problems.warnings };
}

const none: readonly Problem<WarningCode>[] = [];

function explainVersion({ schema, older }: Doors, problems: ProblemList): void {
  const versions = [...older.keys(), schema.version].join(", ");
  problems.add({
    pointer: "/eventVersion",
    code: "unknown_schema",
    expected: `one of ${versions}`,
    detail: `${schema.eventType} has no such version; there are ${versions}`,
  });
}

function explainKey({ schema }: Doors, problems: ProblemList): void {
  const path = schema.key[0]!.replace(/^.*\{|\}$/g, "");
  const detail = `is the key of ${schema.eventType} and must have a value`;
  problems.add({ pointer: `/${path.replaceAll(".", "/")}`, code: "schema_violation", expected: "visible text of 1 to 128 bytes", detail });
}

const envelopeParser = compileParser(envelopeType());

/** The fields of the envelope that can be judged without knowing the event type. */
function envelopeType(): RecordType {
  const { type } = eventRegistry[0]!;
  return { ...type, fields: type.fields.filter(({ name }) => name !== "eventType" && name !== "data") };
}

function explainEnvelope(json: unknown, given: Partial<Readonly<Record<string, unknown>>> | undefined, problems: ProblemList): ParsedEvent {
  if (given === undefined) envelopeParser(json, problems);
  else {
    const { eventType, data: _, ...rest } = given;
    const meant = typeof eventType === "string" ? nearName(eventType, eventTypes) : undefined;
    const expected = "an event type such as order.created";
    const detail =
      eventType === undefined
        ? `"eventType" is missing; it must be ${expected}`
        : `is no event type that is known here${meant === undefined ? "" : `; did you mean "${meant}"?`}`;
    const code = typeof eventType === "string" ? "unknown_schema" : "schema_violation";
    problems.add({ pointer: "/eventType", code, expected, detail, ...(meant === undefined ? {} : { didYouMean: meant }) });
    envelopeParser(rest, problems);
  }
  return { kind: "invalid", problems: problems.errors, warnings: problems.warnings };
}

/** The event out of JSON that is known to be right, for tests and examples. @throws {SchemaError} `SCHEMA_INVALID` with all mistakes */
export function requireEvent<T extends EventType>(eventType: T, json: unknown): ShopEvent<T> {
  const parsed = parseEvent(json);
  if (parsed.kind === "parsed" && parsed.event.eventType === eventType) return parsed.event as ShopEvent<T>;
  const mistakes =
    parsed.kind === "invalid" ? parsed.problems.map(({ pointer, detail }) => `${pointer} ${detail}`).join("; ") : "another event type";
  throw new SchemaError("SCHEMA_INVALID", mistakes, { at: eventType });
}
