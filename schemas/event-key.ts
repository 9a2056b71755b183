import { fieldName } from "./codec/compile-writer.ts";
import { eventRegistry } from "./event-registry.ts";
import type { EventSchema } from "./event-schema.ts";
import { fieldAt } from "./field-type.ts";
import { keyText } from "./key-text.ts";
import { SchemaError } from "./schema-error.ts";
import type { EventDraft } from "./shop-event.ts";

type KeyOf = (event: EventDraft) => string | undefined;

const rules: ReadonlyMap<string, KeyOf> = new Map(eventRegistry.map((schema) => [schema.eventType, compileKey(schema)]));

/** The key of an event by the rule of its schema, in NFC; nothing if it has none, or one that no key can be. [E9] */
export function keyOf(event: EventDraft): string | undefined {
  const key = rules.get(event.eventType)?.(event);
  return key === undefined ? undefined : keyText(key);
}

/** The rule as one generated function: `e.data.customerId`, else `e.metadata.sessionId`, else `"guest-" + e.data.orderId`. */
function compileKey(schema: EventSchema): KeyOf {
  const lines = schema.key.map((rule) => {
    const template = /^([A-Za-z0-9_.:~-]*)\{([A-Za-z0-9_.]+)\}$/.exec(rule);
    const prefix = template === null ? "" : template[1]!;
    const names = (template === null ? rule : template[2]!).split(".");
    const type = fieldAt(schema.type, names)?.type;
    if ((type?.kind === "nullable" ? type.of : type)?.kind !== "string") {
      throw new SchemaError("SCHEMA_INVALID", `the key ${JSON.stringify(rule)} is no text of the event`, { at: schema.eventType });
    }
    const path = names.map(fieldName).join("?.");
    return `value = e.${path}; if (typeof value === "string" && value !== "") return ${JSON.stringify(prefix)} + value;`;
  });
  // oxlint-disable-next-line typescript/no-implied-eval, no-new-func -- generated from checked names only
  return new Function("e", `"use strict"; let value;\n${lines.join("\n")}`) as KeyOf;
}
