import type { FieldKind, FieldType, RecordField, RecordType } from "./field-type.ts";
import type { EventSchema } from "./event-schema.ts";

/**
 * How much a change asks of others. `major`: events or readers of the one version do not fit the other, or a field is gone; `minor`: both
 * still fit, something is new, looser, renamed or deprecated; `patch`: words only.
 */
export const changeLevels = ["none", "patch", "minor", "major"] as const;
export type ChangeLevel = (typeof changeLevels)[number];
export type Change = { readonly level: ChangeLevel; readonly path: string; readonly what: string };

/** Every change from one version of a schema to the next. [E10] */
export function changesOf(before: EventSchema, after: EventSchema): readonly Change[] {
  const changes: Change[] = [];
  const declared = [
    ["topic", "major"],
    ["key", "major"],
    ["partitions", "major"],
    ["retentionDays", "patch"],
  ] as const;
  for (const [name, level] of declared) {
    if (JSON.stringify(before[name]) !== JSON.stringify(after[name])) {
      changes.push({ level, path: name, what: `was ${JSON.stringify(before[name])}, is ${JSON.stringify(after[name])}` });
    }
  }
  compareTypes(before.type, after.type, { path: "", changes });
  return changes;
}

export function levelOf(changes: readonly Change[]): ChangeLevel {
  return changeLevels[Math.max(0, ...changes.map(({ level }) => changeLevels.indexOf(level)))]!;
}

type Place = { readonly path: string; readonly changes: Change[] };

function tell({ path, changes }: Place, level: ChangeLevel, what: string): void {
  changes.push({ level, path: path === "" ? "event" : path, what });
}

function under(place: Place, name: string): Place {
  return { path: place.path === "" ? name : `${place.path}.${name}`, changes: place.changes };
}

function compareTypes(before: FieldType, after: FieldType, place: Place): void {
  if (before.kind === "nullable" || after.kind === "nullable") {
    if (before.kind !== "nullable") tell(place, "major", "may now be null, which older readers do not expect");
    if (after.kind !== "nullable") tell(place, "major", "may no longer be null, which it is in older events");
    compareTypes(before.kind === "nullable" ? before.of : before, after.kind === "nullable" ? after.of : after, place);
    return;
  }
  if (before.kind !== after.kind) return tell(place, "major", `was ${before.kind}, is ${after.kind}`);
  compareConstraints(before, after, place);
  if (before.kind === "array" && after.kind === "array") compareTypes(before.items, after.items, place);
  if (before.kind === "map" && after.kind === "map") compareTypes(before.values, after.values, place);
  if (before.kind === "record" && after.kind === "record") compareRecords(before, after, place);
}

function compareRecords(before: RecordType, after: RecordType, place: Place): void {
  if (before.name !== after.name) tell(place, "major", `the record ${before.name} is now named ${after.name}`);
  if (before.doc !== after.doc) tell(place, "patch", "other words");
  const kept = new Set<RecordField>();
  for (const field of after.fields) {
    const old = before.fields.find(({ name }) => name === field.name) ?? before.fields.find(({ name }) => field.aliases?.includes(name));
    if (old === undefined) {
      if (isOptional(field)) tell(under(place, field.name), "minor", "added, optional");
      else tell(under(place, field.name), "major", "added, required: older events have none");
    } else {
      kept.add(old);
      compareFields(old, field, under(place, field.name));
    }
  }
  for (const old of before.fields) if (!kept.has(old)) tell(under(place, old.name), "major", "removed, and no alias says where to");
  const names = after.fields.flatMap((field) =>
    before.fields.filter((old) => old.name === field.name || field.aliases?.includes(old.name)),
  );
  if (names.some((old, i) => i > 0 && before.fields.indexOf(old) < before.fields.indexOf(names[i - 1]!)))
    tell(place, "patch", "other order of fields");
}

function isOptional(field: RecordField): boolean {
  return field.type.kind === "nullable" || field.default !== undefined;
}

function compareFields(before: RecordField, after: RecordField, place: Place): void {
  if (before.name !== after.name) tell(place, "minor", `renamed from ${before.name}`);
  if (JSON.stringify(before.default) !== JSON.stringify(after.default)) {
    if (isOptional(before) && !isOptional(after)) tell(place, "major", "has no default any more");
    else tell(place, "minor", "another default");
  }
  if (before.deprecated !== after.deprecated)
    tell(place, "minor", after.deprecated === undefined ? "no longer deprecated" : `deprecated: ${after.deprecated}`);
  for (const name of ["doc", "example", "pii"] as const) {
    if (JSON.stringify(before[name]) !== JSON.stringify(after[name])) tell(place, "patch", `another ${name}`);
  }
  compareTypes(before.type, after.type, place);
}

/** Whether a limit that was `before` lets less through as `after`; undefined is no limit. */
type Tighter = (before: unknown, after: unknown) => boolean;
const lowerBound: Tighter = (before, after) => after !== undefined && (before === undefined || (after as number) > (before as number));
const upperBound: Tighter = (before, after) => after !== undefined && (before === undefined || (after as number) < (before as number));
const any: Tighter = (_, after) => after !== undefined;
const fewer: Tighter = (before, after) =>
  after !== undefined &&
  (before === undefined || (before as readonly string[]).some((text) => !(after as readonly string[]).includes(text)));
const always: Tighter = () => true;

const constraints: Readonly<Record<string, Tighter>> = {
  minimum: lowerBound,
  minLength: lowerBound,
  minItems: lowerBound,
  maximum: upperBound,
  maxLength: upperBound,
  maxItems: upperBound,
  nonZero: any,
  format: any,
  pattern: any,
  oneOf: fewer,
  precision: always,
  scale: always,
};

function compareConstraints(before: FieldType, after: FieldType, place: Place): void {
  const old = before as Readonly<Record<string, unknown>> & { readonly kind: FieldKind };
  const now = after as Readonly<Record<string, unknown>> & { readonly kind: FieldKind };
  for (const [name, isTighter] of Object.entries(constraints)) {
    if (JSON.stringify(old[name]) === JSON.stringify(now[name])) continue;
    const tighter = isTighter(old[name], now[name]);
    const what = `${name} was ${JSON.stringify(old[name]) ?? "none"}, is ${JSON.stringify(now[name]) ?? "none"}`;
    tell(place, tighter ? "major" : "minor", `${tighter ? "tighter" : "looser"}: ${what}`);
  }
}
