import type { RecordField } from "#schemas/field-type.ts";
import { didYouMean } from "../did-you-mean.ts";
import type { Text } from "../parse/syntax.ts";
import type { Report } from "../topology-error.ts";
import { type Cel, type CelFault, parseCel } from "./cel.ts";
import {
  booleanType,
  commonType,
  decimalType,
  doubleType,
  type ExpressionType,
  intType,
  isInt,
  moneyType,
  nonNull,
  nullable,
  stringType,
  timestampType,
  typeName,
  unknownType,
} from "./expression-type.ts";
import { compileCall, functionNames, functionOf, methodNames } from "./functions.ts";
import { compileMacro, macroNames } from "./macros.ts";
import { fitted, safeInt } from "./money-arithmetic.ts";
import {
  constantOf,
  type Evaluate,
  failed,
  failRecord,
  isNull,
  type Local,
  mistyped,
  type Operand,
  presentType,
  type Surroundings,
} from "./operand.ts";
import { compileBinary } from "./operators.ts";

/** What expressions of one step see. */
export type Scope = {
  /** Type of the value whose fields are in scope by name. */
  readonly value: ExpressionType;
  /** A name for the current element of a list, as `flatMap` binds it. */
  readonly element?: { readonly name: string; readonly local: Local };
  /** Names the place in errors of records: `orders.where`. */
  readonly where: string;
  readonly report: Report;
};

/** An expression, compiled once; `evaluate` is a closure without any of the parser in it. @throws {RecordError} `expression-failed`, `currency-mismatch` */
export type Expression = {
  readonly type: ExpressionType;
  readonly evaluate: Evaluate;
  /** Paths of the value that are read; empty text is the whole value. */
  readonly reads: ReadonlySet<string>;
  /** If it is a bare path of the value. */
  readonly path: string | undefined;
  readonly constant: { readonly value: unknown } | undefined;
  /** Paths of the value that are not null when this is true. */
  readonly shows: readonly string[];
  /** The same of names bound around it: `item:` for the element itself, `item:vendorId`. */
  readonly showsLocals: readonly string[];
  readonly text: string;
};

/** Compiles an expression; a mistake is reported at its own column, and what comes back then is of type `unknown`. */
export function compileExpression(text: Text, scope: Scope): Expression {
  const parsed = parseCel(text.text);
  if (isFault(parsed)) {
    scope.report("TOPOLOGY_EXPRESSION_SYNTAX", text.at(parsed.offset), `in \`${text.text}\`: ${parsed.message}`);
    return {
      ...failed,
      evaluate: failed.run,
      reads: new Set(),
      path: undefined,
      constant: undefined,
      shows: [],
      showsLocals: [],
      text: text.text,
    };
  }
  return compileParsed(parsed, text, scope);
}

/** Compiles a part of an expression that stands on its own, e.g. the argument of an aggregate. */
export function compileParsed(parsed: Cel, text: Text, scope: Scope): Expression {
  const around = surroundings(text, scope);
  const operand = compileUsed(parsed, around);
  return {
    type: operand.type,
    evaluate: operand.run,
    reads: around.reads,
    path: operand.path,
    constant: operand.constant,
    shows: (operand.whenTrue ?? []).filter((fact) => !fact.includes(":")),
    showsLocals: (operand.whenTrue ?? []).filter((fact) => fact.includes(":")),
    text: text.text.slice(parsed.offset, parsed.end),
  };
}

/** The same, and the type must be boolean; `true` takes its place otherwise. */
export function compileTest(text: Text, scope: Scope): Expression {
  const expression = compileExpression(text, scope);
  if (expression.type.kind !== "boolean" && expression.type.kind !== "unknown") {
    scope.report("TOPOLOGY_EXPRESSION_TYPE", text.place, `this asks yes or no, and \`${text.text}\` is ${typeName(expression.type)}`);
  }
  return expression;
}

/** A list, and a scope in which its current element has a name; `reads` grows when the expressions of that scope are `closed`. */
export function compileElements(
  text: Text,
  name: string,
  scope: Scope,
): { readonly list: Expression; readonly cell: { value: unknown }; readonly scope: Scope } {
  const parsed = parseCel(text.text);
  if (isFault(parsed)) {
    const list = compileExpression(text, scope);
    const cell = { value: undefined };
    return { list, cell, scope: { ...scope, element: { name, local: { type: unknownType, cell, path: undefined } } } };
  }
  const around = surroundings(text, scope);
  const operand = compileNode(parsed, around);
  const isList = operand.type.kind === "array";
  if (!isList && operand.type.kind !== "unknown") {
    scope.report("TOPOLOGY_EXPRESSION_TYPE", text.place, `"each" goes through a list, and \`${text.text}\` is ${typeName(operand.type)}`);
  }
  const cell = { value: undefined as unknown };
  const type = operand.type.kind === "array" ? operand.type.items : unknownType;
  return {
    list: {
      type: operand.type,
      evaluate: operand.run,
      reads: around.reads,
      path: operand.path,
      constant: operand.constant,
      shows: [],
      showsLocals: [],
      text: text.text,
    },
    cell,
    scope: { ...scope, element: { name, local: { type, cell, path: operand.path } } },
  };
}

export const isFault = (parsed: Cel | CelFault): parsed is CelFault => "message" in parsed;

function surroundings(text: Text, { value, element, where, report }: Scope): Surroundings {
  return {
    value,
    locals: new Map(element === undefined ? [] : [[element.name, element.local]]),
    known: new Set(),
    where: `${where}: ${text.text}`,
    report: (code, offset, message) => report(code, text.at(offset), message),
    reads: new Set(),
  };
}

/** A part whose value is used: what it reads is noted. */
function compileUsed(node: Cel, around: Surroundings): Operand {
  const operand = compileNode(node, around);
  if (operand.path !== undefined) around.reads.add(operand.path);
  return operand;
}

function compileNode(node: Cel, around: Surroundings): Operand {
  switch (node.op) {
    case "literal":
      return compileLiteral(node, around);
    case "name":
      return compileName(node, around);
    case "field":
      return compileField(node, around);
    case "index":
      return compileIndex(node, around);
    case "call":
      return compileFunction(node, around);
    case "list":
      return compileList(node, around);
    case "choose":
      return compileChoice(node, around);
    case "unary":
      return compileUnary(node, around);
    case "binary":
      return compileBinary(node, around, compileUsed);
    case "unsupported":
      return mistyped(node, around, `${node.what} is not part of the language`);
  }
}

function compileLiteral(node: Extract<Cel, { op: "literal" }>, around: Surroundings): Operand {
  const { value } = node;
  if (value === null) return constantOf({ kind: "null" }, null);
  if (typeof value === "bigint") {
    return Number.isSafeInteger(Number(value))
      ? constantOf(intType, Number(value))
      : mistyped(node, around, "int is not within ±(2^53 − 1)");
  }
  return constantOf(typeof value === "string" ? stringType : typeof value === "boolean" ? booleanType : doubleType, value);
}

/** A local, else a field of the value, else what the record itself has. */
function compileName(node: Extract<Cel, { op: "name" }>, around: Surroundings): Operand {
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

type Fields = Readonly<Record<string, unknown>>;

const known = (type: ExpressionType, fact: string | undefined, around: Surroundings): ExpressionType =>
  fact !== undefined && around.known.has(fact) ? nonNull(type) : type;

function compileField(node: Extract<Cel, { op: "field" }>, around: Surroundings): Operand {
  const of = compileNode(node.of, around);
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

function compileIndex(node: Extract<Cel, { op: "index" }>, around: Surroundings): Operand {
  const of = compileUsed(node.of, around);
  const index = compileUsed(node.index, around);
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

function compileFunction(call: Extract<Cel, { op: "call" }>, around: Surroundings): Operand {
  if (call.on !== undefined && macroNames.includes(call.name)) {
    const list = compileNode(call.on, around);
    return compileMacro(call, list, { around, compile: compileUsed });
  }
  if (call.on === undefined && call.name === "has") return compileHas(call, around);
  const spec = functionOf(call);
  if (spec === undefined) {
    const names = call.on === undefined ? functionNames : methodNames;
    const offset = call.on === undefined ? call.offset : call.on.end + 1;
    const other = (call.on === undefined ? methodNames : functionNames).includes(call.name);
    const hint = other ? (call.on === undefined ? `; say x.${call.name}(…)` : `; say ${call.name}(…)`) : didYouMean(call.name, names);
    around.report("TOPOLOGY_UNKNOWN_FUNCTION", offset, `there is no function ${call.name}()${hint}`);
    return failed;
  }
  const args = (call.on === undefined ? call.args : [call.on, ...call.args]).map((arg) => compileUsed(arg, around));
  return compileCall(call, spec, { args, around });
}

/** `has(a.b)`: the field is there and not null. */
function compileHas(call: Extract<Cel, { op: "call" }>, around: Surroundings): Operand {
  const [arg, more] = call.args;
  if (arg === undefined || more !== undefined || arg.op !== "field")
    return mistyped(call, around, "has() takes a field, as in has(data.customerId)");
  const { type, run, fact } = compileUsed(arg, around);
  if (type.kind === "unknown") return { ...failed, type: booleanType };
  return { type: booleanType, run: (value, record) => !isNull(run(value, record)), whenTrue: fact === undefined ? [] : [fact] };
}

function compileList(node: Extract<Cel, { op: "list" }>, around: Surroundings): Operand {
  const items = node.items.map((item) => compileUsed(item, around));
  if (items.some(({ type }) => type.kind === "unknown")) return failed;
  let type: ExpressionType | undefined = items[0]?.type;
  for (const item of items) type = type && commonType(type, item.type);
  if (type === undefined || type.kind === "null" || type.kind === "unknown") {
    return mistyped(node, around, items.length === 0 ? "an empty list has no type" : "the elements of a list are of one type");
  }
  const list: ExpressionType = { kind: "array", items: type };
  if (items.every(({ constant }) => constant !== undefined))
    return constantOf(
      list,
      items.map(({ constant }) => constant!.value),
    );
  const runs = items.map(({ run }) => run);
  return { type: list, run: (value, record) => runs.map((run) => run(value, record)) };
}

function compileChoice(node: Extract<Cel, { op: "choose" }>, around: Surroundings): Operand {
  const test = compileUsed(node.test, around);
  const then = compileUsed(node.yes, { ...around, known: new Set([...around.known, ...(test.whenTrue ?? [])]) });
  const otherwise = compileUsed(node.no, { ...around, known: new Set([...around.known, ...(test.whenFalse ?? [])]) });
  if ([test, then, otherwise].some(({ type }) => type.kind === "unknown")) return failed;
  if (test.type.kind !== "boolean") return mistyped(node.test, around, `"?" asks yes or no, and this is ${typeName(test.type)}`);
  const type = commonType(then.type, otherwise.type);
  if (type === undefined) return mistyped(node, around, `the two sides of ":" are ${typeName(then.type)} and ${typeName(otherwise.type)}`);
  const [asked, yes, no] = [test.run, then.run, otherwise.run];
  return { type, run: (value, record) => (asked(value, record) === true ? yes(value, record) : no(value, record)) };
}

function compileUnary(node: Extract<Cel, { op: "unary" }>, around: Surroundings): Operand {
  const of = compileUsed(node.of, around);
  if (of.type.kind === "unknown") return failed;
  const { run } = of;
  const { where } = around;
  if (node.sign === "!") {
    if (of.type.kind !== "boolean") return mistyped(node.of, around, `"!" turns a boolean round, and this is ${typeName(of.type)}`);
    return {
      type: booleanType,
      run: (value, record) => run(value, record) !== true,
      whenTrue: of.whenFalse ?? [],
      whenFalse: of.whenTrue ?? [],
    };
  }
  const type = presentType(node.of, of, around);
  if (of.constant !== undefined && (isInt(type) || type.kind === "double")) return constantOf(type, 0 - (of.constant.value as number));
  if (isInt(type)) return { type: intType, run: (value, record) => safeInt(-(run(value, record) as number), where) };
  if (type.kind === "double") return { type, run: (value, record) => -(run(value, record) as number) };
  if (type.kind === "decimal") return { type, run: (value, record) => fitted(-(run(value, record) as bigint), where) };
  if (type.kind === "money") {
    return {
      type: moneyType,
      run: (value, record) => {
        const { amount, currency } = run(value, record) as { amount: bigint; currency: string };
        return { amount: -amount, currency };
      },
    };
  }
  return type.kind === "unknown" ? failed : mistyped(node, around, `"-" is not defined for ${typeName(type)}`);
}
