import { isOptional } from "./describe-type.ts";
import { type RecordField, forbiddenNames } from "../field-type.ts";
import { nearName } from "./near-name.ts";
import type { ProblemList } from "./problem.ts";

/** The fields of a record, and what each is in words. */
export type FieldShape = { readonly fields: readonly RecordField[]; readonly expected: readonly string[] };

/** Unknown names that are compared with the known ones. */
const maxUnknown = 50;

/**
 * Says what is wrong with the names of an object: what is missing, what is unknown, what must not be. An unknown name that is nearly one of
 * an absent field is a slip of the pen and an error, since its value would be lost; any other is told and let be. [E3]
 */
export function explainFields(json: object, shape: FieldShape, problems: ProblemList): void {
  const object = json as Readonly<Record<string, unknown>>;
  const known = new Map(shape.fields.flatMap((field) => [field.name, ...(field.aliases ?? [])].map((name) => [name, field] as const)));
  const present = new Set<RecordField>();
  const unknown: string[] = [];
  for (const name of Object.keys(object)) {
    // JSON has no undefined, but objects built by a program do, and mean the same by it as by leaving the field out.
    if (object[name] === undefined) continue;
    const field = known.get(name);
    if (field === undefined) unknown.push(name);
    else {
      present.add(field);
      tellDeprecated(name, { field, value: object[name] }, problems);
    }
  }
  const absent = new Map(shape.fields.flatMap((field, i) => (present.has(field) ? [] : [[field.name, shape.expected[i]!] as const])));
  for (const [i, name] of unknown.entries()) {
    if (i < maxUnknown || forbiddenNames.has(name)) explainUnknown(name, { absent, value: object[name] }, problems);
  }
  for (const field of shape.fields) {
    const expected = absent.get(field.name);
    if (expected === undefined || isOptional(field)) continue;
    problems.add({
      pointer: `/${field.name}`,
      code: "schema_violation",
      expected,
      detail: `"${field.name}" is missing; it must be ${expected}`,
    });
  }
}

type Unknown = { readonly absent: Map<string, string>; readonly value: unknown };

function explainUnknown(name: string, { absent, value }: Unknown, problems: ProblemList): void {
  const mark = problems.size;
  if (forbiddenNames.has(name)) problems.wrong("forbidden_key", "another name", "is a name that no field may have");
  else {
    const meant = nearName(name, absent.keys());
    if (meant !== undefined) {
      const expected = absent.get(meant)!;
      absent.delete(meant);
      const detail = `unknown field; did you mean "${meant}", which is missing?`;
      problems.add({ pointer: "", code: "schema_violation", expected: `"${meant}": ${expected}`, detail, didYouMean: meant });
    } else {
      problems.add({ pointer: "", code: "unknown_field", expected: "a field of the schema", detail: "unknown field; it is not kept" });
    }
    findForbidden(value, problems);
  }
  if (problems.size !== mark) problems.under(mark, name);
}

/** A forbidden name within what is not kept is still an attack, and answered as one. Walks without recursion, whatever the depth. */
function findForbidden(value: unknown, problems: ProblemList): void {
  const open: unknown[] = [value];
  for (let i = 0; i < open.length; i++) {
    const next = open[i];
    if (typeof next !== "object" || next === null) continue;
    for (const [name, inner] of Object.entries(next)) {
      if (forbiddenNames.has(name)) {
        problems.wrong("forbidden_key", "another name", `has the name "${name}" within, which no field may have`);
        return;
      }
      open.push(inner);
    }
  }
}

function tellDeprecated(
  name: string,
  { field, value }: { readonly field: RecordField; readonly value: unknown },
  problems: ProblemList,
): void {
  const instead = name === field.name ? field.deprecated : `now called "${field.name}"`;
  if (instead === undefined || value === null) return;
  problems.add({ pointer: `/${name}`, code: "deprecated_field", expected: instead, detail: `"${name}" is deprecated: ${instead}` });
}
