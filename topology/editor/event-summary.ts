import type { EventSchema } from "#schemas/event-schema.ts";
import type { FieldType } from "#schemas/field-type.ts";
import { typeName } from "../expressions/expression-type.ts";

/** What a topic of events holds, in Markdown: its event, key, partitions, and the fields that expressions may name. */
export function eventSummary({ eventType, type, key, partitions, retentionDays }: EventSchema): string {
  const data = type.fields.find(({ name }) => name === "data")?.type;
  const fields = data?.kind === "record" ? data.fields : [];
  return [
    `Events \`${eventType}\`. ${type.doc ?? ""}`.trim(),
    `Keyed by ${key.map((path) => `\`${path}\``).join(", else ")}; ${partitions} partitions, kept ${retentionDays} days.`,
    fields.map((field) => `- \`data.${field.name}\`: ${typeText(field.type)}`).join("\n"),
  ].join("\n\n");
}

/** Of a list of records, and of a record, with their fields. */
function typeText(type: FieldType): string {
  if (type.kind === "nullable") return `${typeText(type.of)}, or null`;
  if (type.kind === "array" && type.items.kind === "record") return `list of { ${fieldNames(type.items)} }`;
  if (type.kind === "record") return `{ ${fieldNames(type)} }`;
  return typeName(type);
}

const fieldNames = ({ fields }: Extract<FieldType, { kind: "record" }>): string => fields.map(({ name }) => name).join(", ");
