import { eventKeys, type EventType } from "./events.generated.ts";

/** The key of an event by the rule of its schema; events of one key are sent in the order in which they were given. */
export function keyOf(eventType: EventType, event: object): string {
  for (const rule of eventKeys[eventType] ?? []) {
    const [, prefix = "", path = rule] = /^(.*)\{(.+)\}$/.exec(rule) ?? [];
    const value = path.split(".").reduce<unknown>((at, name) => (at as Partial<Record<string, unknown>> | null | undefined)?.[name], event);
    if (typeof value === "string" && value !== "") return `${prefix}${value}`.normalize("NFC");
  }
  return "";
}
