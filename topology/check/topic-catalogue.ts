import { eventRegistry } from "#schemas/event-registry.ts";
import type { EventSchema } from "#schemas/event-schema.ts";
import type { EventType } from "#schemas/event-types.ts";
import type { RecordType } from "#schemas/field-type.ts";
import { didYouMean } from "../did-you-mean.ts";
import { stringType, typeNames, typeOfName } from "../expressions/expression-type.ts";
import type { Retention, TopicSyntax } from "../parse/syntax.ts";
import type { Place, Report } from "../topology-error.ts";
import type { KeyColumn } from "../streams/stream.ts";

/** A topic that nodes may read or write. */
export type Topic = {
  readonly name: string;
  readonly partitions: number;
  readonly retention: Retention;
  readonly key: readonly KeyColumn[];
  /** What its records hold; nothing for a topic whose writer decides it. */
  readonly holds:
    | { readonly kind: "event"; readonly event: EventType; readonly type: RecordType }
    | { readonly kind: "record"; readonly type: RecordType }
    | undefined;
  /** Where the file speaks of it. */
  readonly place: Place | undefined;
};

export const dayMs = 86_400_000;
export const defaultPartitions = 12;
/** Words of the log itself. */
const internal = /(-repartition|-changelog|\.dlq)$/;

/** The topics of the schemas, and those that the file declares; `partitions` takes the place of every default. */
export function topicCatalogue(syntax: readonly TopicSyntax[], partitions: number | undefined, report: Report): ReadonlyMap<string, Topic> {
  const topics = new Map<string, Topic>(eventRegistry.map((schema) => [schema.topic, ofEvent(schema, partitions)]));
  for (const declared of syntax) {
    const known = topics.get(declared.name);
    const what = `topic "${declared.name}"`;
    if (internal.test(declared.name))
      report("TOPOLOGY_BAD_NAME", declared.place, `"${declared.name}" is a name for topics of the log itself`);
    const isOwn = ownTopic.test(declared.name);
    if (known === undefined && declared.fields === undefined && !isOwn) {
      const hint = didYouMean(declared.name, topics.keys());
      report(
        "TOPOLOGY_UNKNOWN_TOPIC",
        declared.place,
        `no event has the ${what}${hint.startsWith("; did") ? hint : `; a topic of other records says its "fields"`}`,
      );
    }
    if (known?.holds?.kind === "event" && (declared.fields !== undefined || declared.key !== undefined)) {
      report("TOPOLOGY_STEP_CONFLICT", declared.place, `fields and key of ${what} are those of the event ${known.holds.event}`);
    }
    const type = known?.holds?.type ?? recordOf(declared, report);
    const key = known?.key ?? keyOf(declared, type, report);
    topics.set(declared.name, {
      name: declared.name,
      partitions: declared.partitions?.count ?? known?.partitions ?? partitions ?? defaultPartitions,
      retention: declared.retention ?? known?.retention ?? { kind: "time", ms: 7 * dayMs },
      key,
      holds: known?.holds ?? (type && { kind: "record", type }),
      place: declared.partitions?.place ?? declared.place,
    });
  }
  return topics;
}

/** Topics of the topology's own results; they need no declaration. */
export const ownTopic = /^(analytics|audit)\.[a-z0-9-]+(\.[a-z0-9-]+)*$/;

function ofEvent({ topic, partitions, retentionDays, key, eventType, type }: EventSchema, override: number | undefined): Topic {
  // Where a rule falls back on other fields, the first one names the key.
  const path = key[0]!;
  return {
    name: topic,
    partitions: override ?? partitions,
    retention: { kind: "time", ms: retentionDays * dayMs },
    key: [{ name: path.split(".").at(-1)!, path, type: stringType }],
    holds: { kind: "event", event: eventType, type },
    place: undefined,
  };
}

function recordOf({ name, fields }: TopicSyntax, report: Report): RecordType | undefined {
  if (fields === undefined) return undefined;
  return {
    kind: "record",
    name: pascalCase(name),
    fields: fields.flatMap((field) => {
      const type = typeOfName(field.type.text);
      if (type !== undefined) return [{ name: field.name.text, type }];
      report("TOPOLOGY_BAD_VALUE", field.type.place, `"${field.type.text}" is no type${didYouMean(field.type.text, typeNames)}`);
      return [];
    }),
  };
}

function keyOf({ key }: TopicSyntax, type: RecordType | undefined, report: Report): readonly KeyColumn[] {
  if (key === undefined) return [];
  const field = type?.fields.find(({ name }) => name === key.text);
  if (field === undefined) {
    report(
      "TOPOLOGY_UNKNOWN_VALUE",
      key.place,
      `there is no field "${key.text}"${didYouMean(key.text, type?.fields.map(({ name }) => name) ?? [])}`,
    );
    return [];
  }
  return [{ name: key.text, path: key.text, type: field.type }];
}

/** `orders-by-day` → `OrdersByDay`, a name for a record. */
export const pascalCase = (name: string): string =>
  name
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("")
    .replace(/^(?=\d)/, "_");
