import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { eventRegistry } from "./event-registry.ts";
import { generateClientTypes } from "./generate-client-types.ts";
import type { FieldType, RecordType } from "./field-type.ts";

/** The TypeScript types of all events, as the text of `events.generated.ts`. */
export function generateTypes(): string {
  const records = new Map<string, string>();
  for (const { type } of eventRegistry) {
    for (const field of type.fields) {
      if (field.name === "data" || field.name === "metadata") typeText(field.type, records);
    }
  }
  const envelope = eventRegistry[0]!.type.fields.filter(({ name }) => name !== "eventType" && name !== "data");
  const envelopeType: RecordType = { kind: "record", name: "EventEnvelope", doc: "What every event says about itself.", fields: envelope };
  const envelopeText = recordText(envelopeType, new Map());
  const map = eventRegistry.map(({ eventType, type }) => `  readonly "${eventType}": ${dataName(type)};`);
  return `${[
    "// Generated from the schema files by `node schemas/generate-types.ts`; a check fails when it drifts. Do not edit.",
    `import type { Money } from "./money.ts";`,
    ...records.values(),
    envelopeText,
    `/** The data of each event type. */\nexport type EventTypes = {\n${map.join("\n")}\n};`,
  ].join("\n\n")}\n`;
}

function dataName(type: RecordType): string {
  const data = type.fields.at(-1)?.type;
  return data?.kind === "record" ? data.name : "never";
}

function typeText(type: FieldType, records: Map<string, string>): string {
  switch (type.kind) {
    case "string":
      return type.oneOf === undefined ? "string" : type.oneOf.map((text) => JSON.stringify(text)).join(" | ");
    case "int":
    case "long":
    case "double":
    case "timestamp":
      return "number";
    case "boolean":
      return "boolean";
    case "bytes":
      return "Uint8Array";
    case "decimal":
      return "bigint";
    case "money":
      return "Money";
    case "nullable":
      return `${typeText(type.of, records)} | null`;
    case "array":
      return `readonly ${grouped(typeText(type.items, records))}[]`;
    case "map":
      return `{ readonly [key: string]: ${typeText(type.values, records)} }`;
    case "record":
      if (!records.has(type.name)) records.set(type.name, recordText(type, records));
      return type.name;
  }
}

function grouped(text: string): string {
  return text.includes(" ") ? `(${text})` : text;
}

const units: Readonly<Partial<Record<FieldType["kind"], string>>> = { timestamp: " Milliseconds since the epoch, UTC." };

function recordText(type: RecordType, records: Map<string, string>): string {
  const lines = type.fields.map((field) => {
    const text = typeText(field.type, records);
    const unit = units[field.type.kind === "nullable" ? field.type.of.kind : field.type.kind] ?? "";
    const deprecated = field.deprecated === undefined ? "" : ` @deprecated ${field.deprecated}`;
    return `  /** ${field.doc ?? ""}${unit}${deprecated} */\n  readonly ${field.name}: ${text};`;
  });
  return `/** ${type.doc ?? ""} */\nexport type ${type.name} = {\n${lines.join("\n")}\n};`;
}

/** What is generated, by its file below the checkout. */
const generated = { "schemas/events.generated.ts": generateTypes, "client/events.generated.ts": generateClientTypes } as const;

function main(): void {
  for (const [name, generate] of Object.entries(generated)) {
    const file = join(import.meta.dirname, "..", name);
    const text = generate();
    if (!process.argv.includes("--check")) writeFileSync(file, text);
    else if (readFileSync(file, "utf8") !== text) {
      process.stderr.write(`${name} does not match the schemas: run node schemas/generate-types.ts\n`);
      process.exitCode = 1;
    }
  }
}

if (import.meta.main) main();
