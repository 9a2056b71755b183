import { isEventType, schemaOf } from "#schemas/event-registry.ts";
import type { EventWarning } from "../event-codes.ts";

/** Short names that a hand at the keyboard uses, and the fields that they mean. */
const shortNames = [
  ["type", "eventType"],
  ["id", "eventId"],
  ["time", "timestamp"],
] as const;

export type Filled = { readonly value: unknown; readonly warnings: readonly EventWarning[] };

/**
 * Fills in what a program must say and a developer trying things out may leave out, and tells each thing that it filled in. What is there is
 * never changed; what is no object is left to the schema.
 */
export function fillDefaults(value: unknown, defaults: { readonly eventId: () => string; readonly timestamp: string }): Filled {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { value, warnings: none };
  const given = value as Partial<Record<string, unknown>>;
  if (isComplete(given)) return { value, warnings: none };
  const event: Partial<Record<string, unknown>> = { ...given };
  const warnings: EventWarning[] = [];
  const fill = (name: string, filled: unknown, from: string): void => {
    event[name] = filled;
    warnings.push({ code: "default_filled", pointer: `/${name}`, detail: from });
  };
  for (const [short, name] of shortNames) {
    if (event[name] !== undefined || event[short] === undefined) continue;
    fill(name, event[short], `taken from "${short}"; the field's name is "${name}"`);
    delete event[short];
  }
  if (typeof event["sessionid"] === "string" && event["metadata"] === undefined) {
    fill("metadata", { sessionId: event["sessionid"] }, `sessionId taken from "sessionid"; the field is /metadata/sessionId`);
    delete event["sessionid"];
  }
  if (event["eventId"] === undefined) fill("eventId", defaults.eventId(), "made up; sent again without an id, the event counts again");
  if (event["timestamp"] === undefined) fill("timestamp", defaults.timestamp, "the time of arrival");
  if (event["source"] === undefined) fill("source", "developer", "nobody said who is sending");
  const type = event["eventType"];
  if (event["eventVersion"] === undefined) {
    if (typeof type === "string" && isEventType(type)) fill("eventVersion", schemaOf(type).version, "the current version of the schema");
    // The event is refused for its type; that nobody said its version is no fault of a developer's.
    else event["eventVersion"] = "1.0.0";
  }
  return { value: event, warnings };
}

const none: readonly EventWarning[] = [];

const isComplete = (event: Partial<Record<string, unknown>>): boolean =>
  event["eventId"] !== undefined &&
  event["timestamp"] !== undefined &&
  event["source"] !== undefined &&
  event["eventVersion"] !== undefined &&
  event["eventType"] !== undefined;
