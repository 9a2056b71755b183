import { didYouMean } from "../did-you-mean.ts";
import type { Cel } from "./cel.ts";
import {
  booleanType,
  commonType,
  doubleType,
  type ExpressionType,
  intType,
  isInt,
  moneyType,
  stringType,
  typeName,
} from "./expression-type.ts";
import { compileField, compileIndex, compileName } from "./field-access.ts";
import { compileCall, functionNames, functionOf, methodNames } from "./functions.ts";
import { compileMacro, macroNames } from "./macros.ts";
import { fitted, safeInt } from "./money-arithmetic.ts";
import { constantOf, failed, isNull, mistyped, type Operand, presentType, type Surroundings } from "./operand.ts";
import { compileBinary } from "./operators.ts";

/** A part whose value is used: what it reads is noted. */
export function compileUsed(node: Cel, around: Surroundings): Operand {
  const operand = compileNode(node, around);
  if (operand.path !== undefined) around.reads.add(operand.path);
  return operand;
}

/** A part that may be no more than a step on a path. */
export function compileNode(node: Cel, around: Surroundings): Operand {
  switch (node.op) {
    case "literal":
      return compileLiteral(node, around);
    case "name":
      return compileName(node, around);
    case "field":
      return compileField(node, around, compileNode);
    case "index":
      return compileIndex(node, around, compileUsed);
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
