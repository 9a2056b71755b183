import { codecOf } from "./codec/record-codec.ts";
import { type EventSchema, versionOf } from "./event-schema.ts";
import { compileParser } from "./json/compile-parser.ts";
import type { ParseValue } from "./json/parse-value.ts";
import { SchemaError } from "./schema-error.ts";

/** The way in for JSON of one version of an event type: its parser, and the step up to the current version for an older major one. */
export type Door = { readonly parse: ParseValue; readonly upcast: ((event: unknown) => unknown) | undefined };

/** The doors of an event type: one for the current version, one for each released version that can still be read, by version. */
export type Doors = { readonly schema: EventSchema; readonly current: Door; readonly older: ReadonlyMap<string, Door> };

/** Opens the doors of a schema and its released versions; what the current version cannot be made of is left out. [E11] */
export function openDoors(schema: EventSchema, released: readonly EventSchema[]): Doors {
  const older = new Map<string, Door>();
  const current: Door = { parse: compileParser(schema.type), upcast: undefined };
  for (const before of released) {
    if (before.version === schema.version) continue;
    // Within a major version every older event is one of the current schema too.
    const door = versionOf(before)[0] === versionOf(schema)[0] ? current : olderDoor(before, schema);
    if (door !== undefined) older.set(before.version, door);
  }
  return { schema, current, older };
}

/** Reads the event as its own version has it, then as the current version reads its bytes. */
function olderDoor(before: EventSchema, schema: EventSchema): Door | undefined {
  try {
    const own = codecOf(before.type);
    const current = codecOf(schema.type, before.type);
    return { parse: compileParser(before.type), upcast: (event) => current.decode(own.encode(event)) };
  } catch (error) {
    if (error instanceof SchemaError && error.code === "SCHEMA_INCOMPATIBLE") return undefined;
    throw error;
  }
}
