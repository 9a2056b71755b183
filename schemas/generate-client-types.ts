import { eventRegistry } from "./event-registry.ts";
import type { EventSchema } from "./event-schema.ts";
import type { FieldType, RecordField, RecordType } from "./field-type.ts";

/**
 * What clients post, as the text of `client/events.generated.ts`: events as JSON has them, what may be left out optional. A field that is the only
 * key of its event is required, whatever its schema says, since the door refuses an event without a key. [E8]
 */
export function generateClientTypes(): string {
  const records = new Map<string, string>();
  const map = eventRegistry.map(({ eventType, key, type }) => {
    const data = type.fields.at(-1)!.type as RecordType;
    const path = onlyKey(key);
    const required = path?.[0] === "data" ? path[1] : undefined;
    records.set(data.name, recordText(data, { records, required }));
    return `  readonly ${JSON.stringify(eventType)}: ${data.name};`;
  });
  const metadata = eventRegistry[0]!.type.fields.find(({ name }) => name === "metadata")!.type as RecordType;
  records.set(metadata.name, recordText(metadata, { records }));
  const bySession = eventRegistry.filter(({ key }) => onlyKey(key)?.join(".") === "metadata.sessionId");
  const entries = (of: (schema: EventSchema) => unknown): string =>
    eventRegistry.map((schema) => `  ${JSON.stringify(schema.eventType)}: ${JSON.stringify(of(schema))},`).join("\n");
  return `${[
    "// Generated from the schema files by `node schemas/generate-types.ts`; a check fails when it drifts. Do not edit.",
    `/** An amount of money: a plain decimal of at most four places, best as text, and its ISO 4217 code. */\nexport type Money = { readonly amount: string | number; readonly currency: string };`,
    `/** A time: a Date, or RFC 3339 with its zone. */\nexport type Time = Date | string;`,
    ...records.values(),
    `/** The data of each event type. */\nexport type EventData = {\n${map.join("\n")}\n};`,
    `export type EventType = keyof EventData;`,
    `/** Events whose key is the session: without one they are refused. */\nexport type KeyedBySession = ${bySession.map(({ eventType }) => JSON.stringify(eventType)).join(" | ")};`,
    `/** The version in which each event is posted. */\nexport const eventVersions: Readonly<Record<EventType, string>> = {\n${entries(({ version }) => version)}\n};`,
    `/** Where the key of each event is: the first path that has a value. Events of one key keep their order. */\nexport const eventKeys: Readonly<Record<EventType, readonly string[]>> = {\n${entries(({ key }) => key).replaceAll('","', '", "')}\n};`,
  ].join("\n\n")}\n`;
}

/** The path that a key is always taken from. */
function onlyKey(key: readonly string[]): readonly string[] | undefined {
  return key.length === 1 && !key[0]!.includes("{") ? key[0]!.split(".") : undefined;
}

type Walk = { readonly records: Map<string, string>; readonly required?: string | undefined };

function typeText(type: FieldType, walk: Walk): string {
  switch (type.kind) {
    case "string":
      return type.oneOf === undefined ? "string" : type.oneOf.map((text) => JSON.stringify(text)).join(" | ");
    case "bytes":
      return "string";
    case "int":
    case "long":
    case "double":
      return "number";
    case "boolean":
      return "boolean";
    case "timestamp":
      return "Time";
    case "decimal":
      return "string | number";
    case "money":
      return "Money";
    case "nullable":
      return `${typeText(type.of, walk)} | null`;
    case "array": {
      const items = typeText(type.items, walk);
      return `readonly ${items.includes(" ") ? `(${items})` : items}[]`;
    }
    case "map":
      return `{ readonly [key: string]: ${typeText(type.values, walk)} }`;
    case "record":
      if (!walk.records.has(type.name)) walk.records.set(type.name, recordText(type, { records: walk.records }));
      return type.name;
  }
}

function recordText(type: RecordType, walk: Walk): string {
  const lines = type.fields.map((field) => fieldText(field, walk));
  return `/** ${type.doc ?? ""} */\nexport type ${type.name} = {\n${lines.join("\n")}\n};`;
}

function fieldText({ name, type, doc = "", default: byDefault, deprecated }: RecordField, walk: Walk): string {
  const isKey = walk.required === name;
  const optional = !isKey && (type.kind === "nullable" || byDefault !== undefined);
  const text = typeText(isKey && type.kind === "nullable" ? type.of : type, walk);
  const told = `${doc}${isKey ? " The event's key." : ""}${deprecated === undefined ? "" : ` @deprecated ${deprecated}`}`;
  return `  /** ${told} */\n  readonly ${name}${optional ? "?" : ""}: ${text}${optional ? " | undefined" : ""};`;
}
