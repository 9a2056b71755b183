import { readFileSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import type { AvroRecord } from "./avro-schema.ts";
import type { EventType } from "./event-types.ts";
import { type FieldType, type RecordType, fromAvro, toAvro } from "./field-type.ts";
import { SchemaError } from "./schema-error.ts";
import { type Version, compareVersions, parseVersion } from "./version.ts";

/** The schema of one event type in one version, with what it declares about its topic. */
export type EventSchema = {
  readonly eventType: EventType;
  /** Semantic version of the schema. */
  readonly version: string;
  /** Stands in front of every encoded event; never used again for another schema. */
  readonly schemaId: number;
  readonly topic: string;
  /** Where the key is found: paths, or texts with `{path}` in them; the first that has a value counts. */
  readonly key: readonly string[];
  readonly partitions: number;
  readonly retentionDays: number;
  /** The whole event: the envelope's fields and `data`. */
  readonly type: RecordType;
};

const directory = import.meta.dirname;

/** Reads the schema file of an event type and puts the envelope around its data. @throws {SchemaError} `SCHEMA_INVALID` */
export function readEventSchema(eventType: EventType): EventSchema {
  const file = join(directory, "events", `${eventType}.avsc.json`);
  const { named, envelope } = readShared();
  return at(file, () => {
    const { head, record } = split(readJson(file));
    const data = fromAvro(record, named);
    if (data.kind !== "record") throw new SchemaError("SCHEMA_INVALID", "not a record");
    if (head.eventType !== eventType) throw new SchemaError("SCHEMA_INVALID", `eventType is ${head.eventType}`);
    const fields = envelope.fields.map((field) =>
      field.name === "eventType" ? { ...field, type: { kind: "string", oneOf: [eventType] } as const, example: eventType } : field,
    );
    const dataField = { name: "data", doc: data.doc ?? "What happened.", type: data };
    const type: RecordType = { kind: "record", name: `${data.name}Event`, doc: data.doc ?? "", fields: [...fields, dataField] };
    return { ...head, type };
  });
}

/** The released versions of an event type, the oldest first. @throws {SchemaError} `SCHEMA_INVALID` */
export function readReleasedSchemas(eventType: EventType, folder: string = join(directory, "released")): readonly EventSchema[] {
  const versions = readFiles(join(folder, eventType)).map((file) =>
    at(file, () => {
      const { head, record } = split(readJson(file));
      const type = fromAvro(record);
      if (type.kind !== "record") throw new SchemaError("SCHEMA_INVALID", "not a record");
      return { ...head, type };
    }),
  );
  return versions.toSorted((a, b) => compareVersions(versionOf(a), versionOf(b)));
}

/** A schema as the one self-contained Avro file that is released. */
export function toReleasedFile(schema: EventSchema): string {
  const { type, ...head } = schema;
  const { type: avroType, name, doc, fields } = toAvro(type) as AvroRecord;
  return `${JSON.stringify({ type: avroType, name, doc, ...head, fields }, null, 2)}\n`;
}

export function versionOf(schema: EventSchema): Version {
  const version = parseVersion(schema.version);
  if (version === undefined) throw new SchemaError("SCHEMA_INVALID", `${schema.version} is no semantic version`);
  return version;
}

type Shared = { readonly named: ReadonlyMap<string, FieldType>; readonly envelope: RecordType };
let shared: Shared | undefined;

/** The envelope, and the records that several events use, by name: each of them may use those before it. */
function readShared(): Shared {
  if (shared !== undefined) return shared;
  const named = new Map<string, FieldType>();
  const read = (file: string): FieldType => at(file, () => fromAvro(readJson(file) as AvroRecord, named));
  for (const [name, file] of [
    ["Money", "money"],
    ["Item", "item"],
    ["Address", "address"],
    ["PaymentMethod", "payment-method"],
  ] as const) {
    named.set(name, read(join(directory, "named", `${file}.avsc.json`)));
  }
  const envelope = read(join(directory, "envelope.avsc.json"));
  if (envelope.kind !== "record") throw new SchemaError("SCHEMA_INVALID", "not a record", { at: "envelope.avsc.json" });
  shared = { named, envelope };
  return shared;
}

type Head = Omit<EventSchema, "type">;

/** What the file says about the event, and the plain Avro record. */
function split(json: unknown): { readonly head: Head; readonly record: AvroRecord } {
  const { eventType, version, schemaId, topic, key, partitions, retentionDays, ...record } = json as Head & AvroRecord;
  const head: Head = { eventType, version, schemaId, topic, key, partitions, retentionDays };
  const complaint =
    parseVersion(version) === undefined
      ? "version is no semantic version"
      : !Number.isInteger(schemaId) || schemaId < 1 || schemaId > 0xffff_ffff
        ? "schemaId is no number of four bytes"
        : !/^(business|analytics|audit)(\.[a-z][a-z0-9-]*){2}$/.test(topic)
          ? `topic is not business|analytics|audit.{domain}.{event}`
          : !Array.isArray(key) || key.length === 0
            ? "key is no list of paths"
            : !(Number.isInteger(partitions) && partitions > 0 && retentionDays > 0)
              ? "partitions or retentionDays is no positive number"
              : undefined;
  if (complaint !== undefined) throw new SchemaError("SCHEMA_INVALID", complaint);
  return { head, record };
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, "utf8"));
}

function readFiles(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(".avsc.json"))
      .map((name) => join(folder, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Names the file in what is wrong with it. */
function at<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    throw new SchemaError(error.code, error.message, { at: relative(directory, file), cause: error });
  }
}
