import { compareKeys } from "@millrace/engine";
import { formatAmount, isCurrency, type Money, parseDecimal } from "#schemas/money.ts";
import { formatTimestamp, parseTimestamp } from "#schemas/timestamp.ts";
import type { Cel } from "./cel.ts";
import {
  booleanType,
  commonType,
  decimalType,
  doubleType,
  type ExpressionType,
  intType,
  isInt,
  isNumber,
  moneyType,
  nonNull,
  stringType,
  timestampType,
  typeName,
} from "./expression-type.ts";
import { addMoney, compareMoney, fitted, safeInt } from "./money-arithmetic.ts";
import { constantOf, type Evaluate, failed, failRecord, mistyped, type Operand, presentType, type Surroundings } from "./operand.ts";

type Call = Extract<Cel, { op: "call" }>;
type Build = (call: Call, args: readonly Operand[], around: Surroundings) => Operand;
type FunctionSpec = { readonly arity: number; readonly build: Build; readonly takesNull?: true };

/** Functions by name: `f(x)`, and for those of text also `x.f()`. */
const functions: Readonly<Record<string, FunctionSpec>> = {
  size: { arity: 1, build: sizeOf },
  sum: { arity: 1, build: sumOf },
  min: { arity: 1, build: (call, args, around) => extremeOf(call, args, around) },
  max: { arity: 1, build: (call, args, around) => extremeOf(call, args, around) },
  coalesce: { arity: 2, build: coalesce, takesNull: true },
  decimal: { arity: 1, build: decimalOf },
  money: { arity: 2, build: moneyOf },
  timestamp: { arity: 1, build: timestampOf },
  string: { arity: 1, build: stringOf },
  int: { arity: 1, build: intOf },
  double: { arity: 1, build: doubleOf },
  abs: { arity: 1, build: absOf },
  date: { arity: 1, build: dateOf },
};

const methods: Readonly<Record<string, FunctionSpec>> = {
  size: { arity: 1, build: sizeOf },
  contains: { arity: 2, build: textTest((text, part) => text.includes(part)) },
  startsWith: { arity: 2, build: textTest((text, part) => text.startsWith(part)) },
  endsWith: { arity: 2, build: textTest((text, part) => text.endsWith(part)) },
  matches: { arity: 2, build: matches },
  lowerAscii: { arity: 1, build: textChange((text) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())) },
  upperAscii: { arity: 1, build: textChange((text) => text.replace(/[a-z]/g, (letter) => letter.toUpperCase())) },
  trim: { arity: 1, build: textChange((text) => text.trim()) },
};

export const functionNames: readonly string[] = [...Object.keys(functions), "has"];
export const methodNames: readonly string[] = [...Object.keys(methods), "map", "filter", "all", "exists", "exists_one"];

/** The function of a call, if there is one of that name. */
export function functionOf(call: Call): FunctionSpec | undefined {
  const table = call.on === undefined ? functions : methods;
  return Object.hasOwn(table, call.name) ? table[call.name] : undefined;
}

/** Compiles a call whose arguments (the receiver first) are compiled already. */
export function compileCall(call: Call, spec: FunctionSpec, { args, around }: { args: readonly Operand[]; around: Surroundings }): Operand {
  const nodes = call.on === undefined ? call.args : [call.on, ...call.args];
  if (args.length !== spec.arity) {
    const wanted = spec.arity - (call.on === undefined ? 0 : 1);
    return mistyped(call, around, `${call.name}() takes ${wanted} argument${wanted === 1 ? "" : "s"}, not ${call.args.length}`);
  }
  if (args.some(({ type }) => type.kind === "unknown")) return failed;
  if (spec.takesNull !== true && nodes.some((node, i) => presentType(node, args[i]!, around) !== args[i]!.type)) return failed;
  const built = spec.build(call, args, around);
  // Of constants, a constant: literals of money and time are read once.
  if (built === failed || !args.every(({ constant }) => constant !== undefined)) return built;
  return constantOf(built.type, built.run(undefined, noRecord));
}

const noRecord = { key: null, timestamp: 0, sequence: 0, headers: new Uint8Array(0), windowStart: -1, windowEnd: -1 };

const misused = (call: Call, args: readonly Operand[], around: Surroundings): Operand =>
  mistyped(call, around, `${call.name}() is not defined for ${args.map(({ type }) => typeName(type)).join(" and ")}`);

function sizeOf(call: Call, args: readonly Operand[], around: Surroundings): Operand {
  const { type, run } = args[0]!;
  if (type.kind === "array") return { type: intType, run: (value, record) => (run(value, record) as readonly unknown[]).length };
  if (type.kind === "map") return { type: intType, run: (value, record) => Object.keys(run(value, record) as object).length };
  // In code points, as CEL has it.
  if (type.kind === "string") return { type: intType, run: (value, record) => codePoints(run(value, record) as string) };
  return misused(call, args, around);
}

function sumOf(call: Call, args: readonly Operand[], around: Surroundings): Operand {
  const { type, run } = args[0]!;
  const { where } = around;
  if (type.kind !== "array") return mistyped(call, around, `sum() adds up a list, and this is ${typeName(type)}`);
  const { items } = type;
  const list = run as (...input: Parameters<Evaluate>) => readonly unknown[];
  const folded =
    (first: unknown, add: (a: unknown, b: unknown) => unknown): Evaluate =>
    (value, record) => {
      let sum = first;
      for (const one of list(value, record)) sum = add(sum, one);
      return sum;
    };
  if (isInt(items)) return { type: intType, run: folded(0, (a, b) => safeInt((a as number) + (b as number), where)) };
  if (items.kind === "double") return { type: doubleType, run: folded(0, (a, b) => (a as number) + (b as number)) };
  if (items.kind === "decimal") return { type: decimalType, run: folded(0n, (a, b) => fitted((a as bigint) + (b as bigint), where)) };
  if (items.kind !== "money") return misused(call, args, around);
  return {
    type: moneyType,
    run: (value, record) => {
      const moneys = list(value, record) as readonly Money[];
      const [first] = moneys;
      if (first === undefined) return failRecord(where, "sum() of no money has no currency");
      let sum = first;
      for (let i = 1; i < moneys.length; i++) sum = addMoney(sum, moneys[i]!, where);
      return sum;
    },
  };
}

function extremeOf(call: Call, args: readonly Operand[], around: Surroundings): Operand {
  const { type, run } = args[0]!;
  const { where } = around;
  if (type.kind !== "array") return mistyped(call, around, `${call.name}() looks into a list, and this is ${typeName(type)}`);
  const compare = comparison(type.items, where);
  if (compare === undefined) return misused(call, args, around);
  const wanted = call.name === "min" ? -1 : 1;
  return {
    type: type.items,
    run: (value, record) => {
      const list = run(value, record) as readonly unknown[];
      if (list.length === 0) return failRecord(where, `${call.name}() of an empty list`);
      return list.reduce((best, one) => (Math.sign(compare(one, best)) === wanted ? one : best));
    },
  };
}

/** How values of a type are ordered, if they are. */
export function comparison(type: ExpressionType, where: string): ((a: unknown, b: unknown) => number) | undefined {
  if (isNumber(type) || type.kind === "timestamp") return (a, b) => (a as number) - (b as number);
  if (type.kind === "decimal") return (a, b) => ((a as bigint) < (b as bigint) ? -1 : (a as bigint) > (b as bigint) ? 1 : 0);
  if (type.kind === "money") return (a, b) => compareMoney(a as Money, b as Money, where);
  return type.kind === "string" ? (a, b) => compareKeys(a as string, b as string) : undefined;
}

/** A surrogate pair is one code point. */
function codePoints(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length - 1; i++) if (text.codePointAt(i)! > 0xffff) count -= 1;
  return count;
}

function coalesce(call: Call, args: readonly Operand[], around: Surroundings): Operand {
  const [first, second] = [args[0]!, args[1]!];
  const type = commonType(nonNull(first.type), second.type);
  if (type === undefined) return misused(call, args, around);
  const [a, b] = [first.run, second.run];
  return { type, run: (value, record) => a(value, record) ?? b(value, record) };
}

function literal(call: Call, arg: Operand, around: Surroundings): string | undefined {
  const value = arg.constant?.value;
  if (typeof value === "string") return value;
  mistyped(call, around, `${call.name}() takes a text in quotes`);
  return undefined;
}

function amountOf(call: Call, arg: Operand, around: Surroundings): bigint | undefined {
  const text = literal(call, arg, around);
  const amount = text === undefined ? undefined : parseDecimal(text);
  if (typeof amount === "bigint" || amount === undefined) return amount;
  mistyped(call, around, `"${text}" is no decimal of at most four places`);
  return undefined;
}

function decimalOf(call: Call, args: readonly Operand[], around: Surroundings): Operand {
  const amount = amountOf(call, args[0]!, around);
  return amount === undefined ? failed : constantOf(decimalType, amount);
}

function moneyOf(call: Call, args: readonly Operand[], around: Surroundings): Operand {
  const amount = amountOf(call, args[0]!, around);
  const currency = literal(call, args[1]!, around);
  if (amount === undefined || currency === undefined) return failed;
  if (!isCurrency(currency)) return mistyped(call, around, `"${currency}" is no currency of ISO 4217`);
  return constantOf(moneyType, { amount, currency });
}

function timestampOf(call: Call, args: readonly Operand[], around: Surroundings): Operand {
  const text = literal(call, args[0]!, around);
  const ms = text === undefined ? undefined : parseTimestamp(text);
  if (text === undefined) return failed;
  return ms === undefined
    ? mistyped(call, around, `"${text}" is no time with its zone, as in 2011-04-01T00:00:00Z`)
    : constantOf(timestampType, ms);
}

function stringOf(call: Call, args: readonly Operand[], around: Surroundings): Operand {
  const { type, run } = args[0]!;
  if (type.kind === "string") return args[0]!;
  if (isInt(type) || type.kind === "boolean") return { type: stringType, run: (value, record) => String(run(value, record)) };
  if (type.kind === "decimal") return { type: stringType, run: (value, record) => formatAmount(run(value, record) as bigint) };
  if (type.kind === "timestamp") return { type: stringType, run: (value, record) => formatTimestamp(run(value, record) as number) };
  return misused(call, args, around);
}

function intOf(call: Call, args: readonly Operand[], around: Surroundings): Operand {
  const { type, run } = args[0]!;
  const { where } = around;
  if (isInt(type)) return args[0]!;
  if (type.kind === "double") return { type: intType, run: (value, record) => safeInt(Math.trunc(run(value, record) as number), where) };
  if (type.kind === "timestamp") return { type: intType, run };
  if (type.kind !== "string") return misused(call, args, around);
  return {
    type: intType,
    run: (value, record) => {
      const text = run(value, record) as string;
      return /^-?\d+$/.test(text) ? safeInt(Number(text), where) : failRecord(where, `int() of a text that is none`);
    },
  };
}

function doubleOf(call: Call, args: readonly Operand[], around: Surroundings): Operand {
  const { type, run } = args[0]!;
  return type.kind === "double" || isInt(type) ? { type: doubleType, run } : misused(call, args, around);
}

function absOf(call: Call, args: readonly Operand[], around: Surroundings): Operand {
  const { type, run } = args[0]!;
  if (isInt(type)) return { type: intType, run: (value, record) => Math.abs(run(value, record) as number) };
  if (type.kind === "double") return { type: doubleType, run: (value, record) => Math.abs(run(value, record) as number) };
  return misused(call, args, around);
}

/** The UTC day of a time, `2011-04-01`. */
function dateOf(call: Call, args: readonly Operand[], around: Surroundings): Operand {
  const { type, run } = args[0]!;
  if (type.kind !== "timestamp") return misused(call, args, around);
  return { type: stringType, run: (value, record) => formatTimestamp(run(value, record) as number).slice(0, 10) };
}

function textTest(test: (text: string, part: string) => boolean): Build {
  return (call, args, around) => {
    const [a, b] = [args[0]!, args[1]!];
    if (a.type.kind !== "string" || b.type.kind !== "string") return misused(call, args, around);
    return { type: booleanType, run: (value, record) => test(a.run(value, record) as string, b.run(value, record) as string) };
  };
}

function textChange(change: (text: string) => string): Build {
  return (call, args, around) => {
    const { type, run } = args[0]!;
    return type.kind === "string"
      ? { type: stringType, run: (value, record) => change(run(value, record) as string) }
      : misused(call, args, around);
  };
}

/** The pattern is a literal, compiled once. */
function matches(call: Call, args: readonly Operand[], around: Surroundings): Operand {
  const [text, pattern] = [args[0]!, args[1]!];
  if (text.type.kind !== "string") return misused(call, args, around);
  const source = literal(call, pattern, around);
  if (source === undefined) return failed;
  try {
    const regex = new RegExp(source, "u");
    return { type: booleanType, run: (value, record) => regex.test(text.run(value, record) as string) };
  } catch {
    return mistyped(call, around, `"${source}" is no regular expression`);
  }
}
