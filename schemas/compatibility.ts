import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { compileReader } from "./codec/compile-reader.ts";
import { readReleasedSchemas, toReleasedFile, type EventSchema, versionOf } from "./event-schema.ts";
import { eventRegistry } from "./event-registry.ts";
import type { FieldType } from "./field-type.ts";
import { type Change, type ChangeLevel, changesOf, levelOf } from "./schema-change.ts";
import { SchemaError } from "./schema-error.ts";

/** What became of a schema since its newest released version. */
export type Verdict = {
  readonly eventType: string;
  readonly level: ChangeLevel | "new";
  readonly changes: readonly Change[];
  /** What must be put right before it can be released. */
  readonly refusals: readonly string[];
  /** Deprecated fields that are still there. */
  readonly warnings: readonly string[];
  readonly release: boolean;
};

/** Compares a schema with its released versions (the oldest first) and says whether its version and id are right. [E10] */
export function judgeSchema(schema: EventSchema, released: readonly EventSchema[]): Verdict {
  const { eventType } = schema;
  const newest = released.at(-1);
  const warnings = deprecations(schema.type).map((path) => `${eventType} ${path}`);
  if (newest === undefined) {
    const refusals = schema.version === "1.0.0" ? [] : [`${eventType} ${schema.version}: the first version is 1.0.0`];
    return { eventType, level: "new", changes: [], refusals, warnings, release: true };
  }
  const changes = changesOf(newest, schema);
  const level = levelOf(changes);
  const wanted = nextVersion(newest, level);
  const refusals: string[] = [];
  if (schema.version !== wanted) {
    refusals.push(`${eventType} ${schema.version}: a ${level.toUpperCase()} change of ${newest.version} is ${wanted}`);
  }
  const sameId = released.find(({ schemaId }) => schemaId === schema.schemaId);
  if (sameId !== undefined && wireForm(sameId.type) !== wireForm(schema.type)) {
    refusals.push(`${eventType} ${schema.version}: its bytes differ from those of ${sameId.version}, so it needs a schemaId of its own`);
  }
  if (level !== "major") {
    for (const older of released.filter((each) => versionOf(each)[0] === versionOf(newest)[0])) {
      const fault = unreadable(older, schema);
      if (fault !== undefined) refusals.push(`${eventType} ${schema.version}: events of ${older.version} cannot be read: ${fault}`);
    }
  }
  return { eventType, level, changes, refusals, warnings, release: level !== "none" };
}

function nextVersion(released: EventSchema, level: ChangeLevel): string {
  const [major, minor, patch] = versionOf(released);
  switch (level) {
    case "major":
      return `${major + 1}.0.0`;
    case "minor":
      return `${major}.${minor + 1}.0`;
    case "patch":
      return `${major}.${minor}.${patch + 1}`;
    case "none":
      return released.version;
  }
}

function unreadable(written: EventSchema, reader: EventSchema): string | undefined {
  try {
    compileReader(written.type, reader.type);
    return undefined;
  } catch (error) {
    if (error instanceof SchemaError) return error.message;
    throw error;
  }
}

/** What decides about the bytes: names, kinds and order, without words and constraints. */
function wireForm(type: FieldType): string {
  switch (type.kind) {
    case "nullable":
      return `?${wireForm(type.of)}`;
    case "array":
      return `[${wireForm(type.items)}]`;
    case "map":
      return `{${wireForm(type.values)}}`;
    case "record":
      return `(${type.fields.map((field) => `${field.name}:${wireForm(field.type)}`).join(",")})`;
    case "decimal":
      return `decimal.${type.scale}`;
    case "string":
    case "int":
    case "long":
    case "double":
    case "boolean":
    case "timestamp":
    case "bytes":
    case "money":
      return type.kind;
  }
}

function deprecations(type: FieldType, path = ""): readonly string[] {
  if (type.kind === "nullable") return deprecations(type.of, path);
  if (type.kind === "array") return deprecations(type.items, path);
  if (type.kind !== "record") return [];
  return type.fields.flatMap((field) => {
    const place = path === "" ? field.name : `${path}.${field.name}`;
    const own = field.deprecated === undefined ? [] : [`${place} is deprecated: ${field.deprecated}`];
    return [...own, ...deprecations(field.type, place)];
  });
}

function main(): void {
  const folder = join(import.meta.dirname, "released");
  const verdicts = eventRegistry.map((schema) => ({ schema, verdict: judgeSchema(schema, readReleasedSchemas(schema.eventType, folder)) }));
  for (const { verdict } of verdicts) {
    if (verdict.level !== "none") process.stdout.write(`${verdict.eventType}: ${verdict.level.toUpperCase()}\n`);
    for (const { level, path, what } of verdict.changes) process.stdout.write(`  ${level.toUpperCase()} ${path}: ${what}\n`);
    for (const warning of verdict.warnings) process.stdout.write(`  warning: ${warning}\n`);
  }
  const refusals = verdicts.flatMap(({ verdict }) => verdict.refusals);
  for (const refusal of refusals) process.stderr.write(`refused: ${refusal}\n`);
  if (refusals.length > 0) process.exitCode = 1;
  else if (process.argv.includes("--release")) for (const { schema, verdict } of verdicts) if (verdict.release) release(schema, folder);
}

/** Keeps a copy of the schema that no later edit of the files reaches. */
function release(schema: EventSchema, folder: string): void {
  mkdirSync(join(folder, schema.eventType), { recursive: true });
  writeFileSync(join(folder, schema.eventType, `${schema.version}.avsc.json`), toReleasedFile(schema), { flag: "wx" });
  process.stdout.write(`released ${schema.eventType} ${schema.version}\n`);
}

if (import.meta.main) main();
