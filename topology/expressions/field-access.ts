import type { RecordField } from "#schemas/field-type.ts";
import { didYouMean } from "../did-you-mean.ts";
import type { Cel } from "./cel.ts";
import { decimalType, type ExpressionType, isInt, nonNull, nullable, stringType, timestampType, typeName } from "./expression-type.ts";
import { type CompilePart, type Evaluate, failed, failRecord, mistyped, type Operand, presentType, type Surroundings } from "./operand.ts";

type Fields = Readonly<Record<string, unknown>>;

/** A local, else a field of the value, else what the record itself has. */
export function compileName(node: Extract<Cel, { op: "name" }>, around: Surroundings): Operand {
  const { name } = node;
  const local = around.locals.get(name);
  if (local !== undefined) {
    const { cell, type } = local;
    const fact = `${name}:`;
    return { type: known(type, fact, around), run: () => cell.value, fact, ...(local.path === undefined ? {} : { path: local.path }) };
  }
  const { value } = around;
  if (value.kind === "unknown") return failed;
  const field = value.kind === "record" ? value.fields.find((one) => one.name === name) : undefined;
  if (field !== undefined) {
    return { type: known(field.type, name, around), run: (from) => (from as Fields)[name], path: name, fact: name };
  }
  if (name === "key") return { type: known(nullable(stringType), ":key", around), run: (_, record) => record.key, fact: ":key" };
  if (name === "timestamp") return { type: timestampType, run: (_, record) => record.timestamp };
  const names = [...(value.kind === "record" ? value.fields.map((one) => one.name) : []), ...around.locals.keys(), "key", "timestamp"];
  around.report("TOPOLOGY_UNKNOWN_VALUE", node.offset, `there is no "${name}" here${suggestion(name, value, names)}`);
  return failed;
}

/** A name that is a field further down is said with its path. */
function suggestion(name: string, type: ExpressionType, names: readonly string[]): string {
  if (type.kind === "record") {
    for (const field of type.fields) {
      const inner = nonNull(field.type);
      if (inner.kind === "record" && inner.fields.some((one) => one.name === name)) return `; did you mean "${field.name}.${name}"?`;
    }
  }
  return didYouMean(name, names);
}

const known = (type: ExpressionType, fact: string | undefined, around: Surroundings): ExpressionType =>
  fact !== undefined && around.known.has(fact) ? nonNull(type) : type;

/** A field; `compile` does not mark what is read of it: only the field is. */
export function compileField(node: Extract<Cel, { op: "field" }>, around: Surroundings, compile: CompilePart): Operand {
  const of = compile(node.of, around);
  const type = nonNull(of.type);
  const { name } = node;
  // The name stands at the end of the node's text.
  const at = { ...node, offset: node.end - name.length };
  if (type.kind === "unknown") return failed;
  if (type.kind === "money" && (name === "amount" || name === "currency")) return moneyPart(of, name);
  const field = fieldOf(type, name);
  if (field === undefined) {
    const names = type.kind === "record" ? type.fields.map((one) => one.name) : type.kind === "money" ? ["amount", "currency"] : [];
    const what = names.length === 0 ? `${typeName(type)} has no fields` : `${typeName(type)} has no field "${name}"`;
    around.report("TOPOLOGY_UNKNOWN_VALUE", at.offset, `${what}${didYouMean(name, names)}`);
    return failed;
  }
  const path = of.path === undefined ? undefined : `${of.path}.${name}`;
  const fact = of.fact === undefined ? undefined : `${of.fact}${of.fact.endsWith(":") ? "" : "."}${name}`;
  // Of a record that may be null, a field is null when the record is.
  const declared = of.type.kind === "nullable" ? nullable(field.type) : field.type;
  return {
    type: known(declared, fact, around),
    run: readField(of, name),
    ...(path === undefined ? {} : { path }),
    ...(fact === undefined ? {} : { fact }),
  };
}

function fieldOf(type: ExpressionType, name: string): RecordField | undefined {
  if (type.kind === "map") return { name, type: nullable(type.values) };
  return type.kind === "record" ? type.fields.find((one) => one.name === name) : undefined;
}

function readField({ type, run }: Operand, name: string): Evaluate {
  if (type.kind === "nullable") return (value, record) => (run(value, record) as Fields | null)?.[name] ?? null;
  if (type.kind === "map") return (value, record) => ownField(run(value, record) as Fields, name);
  return (value, record) => (run(value, record) as Fields)[name];
}

const ownField = (map: Fields, name: string): unknown => (Object.hasOwn(map, name) ? map[name] : null);

function moneyPart({ type, run, path }: Operand, name: "amount" | "currency"): Operand {
  const part = name === "amount" ? decimalType : stringType;
  return {
    type: type.kind === "nullable" ? nullable(part) : part,
    run: (value, record) => (run(value, record) as Fields | null)?.[name] ?? null,
    // Money is read whole.
    ...(path === undefined ? {} : { path }),
  };
}

/** An element of a list or a map; `compile` marks what is read. */
export function compileIndex(node: Extract<Cel, { op: "index" }>, around: Surroundings, compile: CompilePart): Operand {
  const of = compile(node.of, around);
  const index = compile(node.index, around);
  if (of.type.kind === "unknown" || index.type.kind === "unknown") return failed;
  const type = presentType(node.of, of, around);
  const [from, at] = [of.run, index.run];
  const { where } = around;
  if (type.kind === "array" && isInt(index.type)) {
    return {
      type: type.items,
      run: (value, record) => {
        const list = from(value, record) as readonly unknown[];
        const i = at(value, record) as number;
        return i >= 0 && i < list.length ? list[i] : failRecord(where, `index ${i} of a list of ${list.length}`);
      },
    };
  }
  if (type.kind === "map" && index.type.kind === "string") {
    return { type: nullable(type.values), run: (value, record) => ownField(from(value, record) as Fields, at(value, record) as string) };
  }
  return mistyped(node.index, around, `${typeName(type)} has nothing at ${typeName(index.type)}`);
}
