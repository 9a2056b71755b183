import { compareKeys } from "@millrace/engine";
import type { Money } from "#schemas/money.ts";
import type { BinarySign, Cel } from "./cel.ts";
import {
  booleanType,
  decimalType,
  doubleType,
  type ExpressionType,
  intType,
  isInt,
  isNumber,
  moneyType,
  nonNull,
  stringType,
  typeName,
} from "./expression-type.ts";
import { addMoney, compareMoney, equalMoney, fitted, safeInt, subtractMoney, timesMoney } from "./money-arithmetic.ts";
import { type CompilePart, failed, failRecord, isNull, mistyped, type Operand, presentType, type Surroundings } from "./operand.ts";

type Binary = Extract<Cel, { op: "binary" }>;
type Ordered = string | number | bigint;

/** Compiles an operator of two operands. `compile` marks what they read. */
export function compileBinary(node: Binary, around: Surroundings, compile: CompilePart): Operand {
  if (node.sign === "&&" || node.sign === "||") return compileLogic(node, around, compile);
  const left = compile(node.left, around);
  const right = compile(node.right, around);
  if (left.type.kind === "unknown" || right.type.kind === "unknown") return isTest(node.sign) ? { ...failed, type: booleanType } : failed;
  if (node.sign === "==" || node.sign === "!=") return compileEquality(node, around, { left, right });
  if (node.sign === "in") return compileMembership(node, around, { left, right });
  const types = { left: presentType(node.left, left, around), right: presentType(node.right, right, around) };
  if (types.left.kind === "unknown" || types.right.kind === "unknown") return failed;
  return isTest(node.sign) ? compileOrder(node, around, { left, right }) : compileArithmetic(node, around, { left, right });
}

const isTest = (sign: BinarySign): boolean => ["==", "!=", "<", "<=", ">", ">=", "in"].includes(sign);

type Pair = { readonly left: Operand; readonly right: Operand };

/** The right side is only looked at when the left does not decide; what the left has shown not to be null is known there. */
function compileLogic(node: Binary, around: Surroundings, compile: CompilePart): Operand {
  const left = compile(node.left, around);
  const isAnd = node.sign === "&&";
  const shown = (isAnd ? left.whenTrue : left.whenFalse) ?? [];
  const right = compile(node.right, { ...around, known: new Set([...around.known, ...shown]) });
  for (const [part, side] of [
    [node.left, left],
    [node.right, right],
  ] as const) {
    if (side.type.kind !== "boolean" && side.type.kind !== "unknown") {
      return mistyped(part, around, `"${node.sign}" joins booleans, and this is ${typeName(side.type)}`);
    }
  }
  const [l, r] = [left.run, right.run];
  const facts = [...shown, ...((isAnd ? right.whenTrue : right.whenFalse) ?? [])];
  return {
    type: booleanType,
    run: isAnd
      ? (value, record) => l(value, record) === true && r(value, record) === true
      : (value, record) => l(value, record) === true || r(value, record) === true,
    ...(isAnd ? { whenTrue: facts } : { whenFalse: facts }),
  };
}

function compileEquality(node: Binary, around: Surroundings, { left, right }: Pair): Operand {
  const negated = node.sign === "!=";
  const other = left.type.kind === "null" ? right : left;
  if (left.type.kind === "null" || right.type.kind === "null") {
    const { run } = other;
    const facts = other.fact === undefined ? [] : [other.fact];
    return {
      type: booleanType,
      run: negated ? (value, record) => !isNull(run(value, record)) : (value, record) => isNull(run(value, record)),
      ...(negated ? { whenTrue: facts } : { whenFalse: facts }),
    };
  }
  const [a, b] = [nonNull(left.type), nonNull(right.type)];
  const comparable = a.kind === b.kind || (isNumber(a) && isNumber(b));
  if (!comparable || (a.kind === "decimal" && b.kind === "decimal" && a.scale !== b.scale)) {
    return mistyped(node, around, `"${node.sign}" compares ${typeName(left.type)} with ${typeName(right.type)}${hint(a, b)}`);
  }
  if (["record", "array", "map", "bytes"].includes(a.kind)) return mistyped(node, around, `"${node.sign}" does not compare ${typeName(a)}`);
  const [l, r] = [left.run, right.run];
  // A value that equals a known one is not null.
  const shown = [left, right].flatMap((side, i) =>
    side.fact !== undefined && side.type.kind === "nullable" && [right, left][i]!.type.kind !== "nullable" ? [side.fact] : [],
  );
  const facts = negated ? { whenFalse: shown } : { whenTrue: shown };
  if (a.kind === "money") {
    const equal = (x: Money | null, y: Money | null): boolean => (x === null || y === null ? x === y : equalMoney(x, y));
    return {
      type: booleanType,
      run: (value, record) => equal(l(value, record) as Money | null, r(value, record) as Money | null) !== negated,
      ...facts,
    };
  }
  if (right.constant !== undefined) {
    const constant = right.constant.value;
    return {
      type: booleanType,
      run: negated ? (value, record) => l(value, record) !== constant : (value, record) => l(value, record) === constant,
      ...facts,
    };
  }
  return {
    type: booleanType,
    run: negated ? (value, record) => l(value, record) !== r(value, record) : (value, record) => l(value, record) === r(value, record),
    ...facts,
  };
}

function hint(a: ExpressionType, b: ExpressionType): string {
  const kinds = [a, b].map((type) => type.kind);
  if (kinds.includes("money") && (isNumber(a) || isNumber(b) || kinds.includes("decimal"))) {
    return `; say money("100.00", "GBP"), or take its .amount and compare it with decimal("100")`;
  }
  if (kinds.includes("decimal") && (isNumber(a) || isNumber(b))) return `; say decimal("100")`;
  if (isNumber(a) && isNumber(b)) return "; a literal with a point is a double: write 1.0, or double(…)";
  if (kinds.includes("timestamp") && kinds.includes("string")) return `; say timestamp("2011-04-01T00:00:00Z")`;
  return "";
}

function compileOrder(node: Binary, around: Surroundings, { left, right }: Pair): Operand {
  const [a, b] = [nonNull(left.type), nonNull(right.type)];
  const [l, r] = [left.run, right.run];
  const { sign } = node;
  const { where } = around;
  const orderable = ["string", "timestamp", "decimal", "money"].includes(a.kind) && a.kind === b.kind;
  if (!orderable && !(isNumber(a) && isNumber(b))) {
    return mistyped(node, around, `"${sign}" compares ${typeName(left.type)} with ${typeName(right.type)}${hint(a, b)}`);
  }
  if (a.kind === "money") {
    const test = orderTest(sign);
    return {
      type: booleanType,
      run: (value, record) => test(compareMoney(l(value, record) as Money, r(value, record) as Money, where), 0),
    };
  }
  if (a.kind === "string") {
    const test = orderTest(sign);
    return { type: booleanType, run: (value, record) => test(compareKeys(l(value, record) as string, r(value, record) as string), 0) };
  }
  if (right.constant !== undefined) {
    const limit = right.constant.value as Ordered;
    if (sign === "<") return { type: booleanType, run: (value, record) => (l(value, record) as Ordered) < limit };
    if (sign === "<=") return { type: booleanType, run: (value, record) => (l(value, record) as Ordered) <= limit };
    if (sign === ">") return { type: booleanType, run: (value, record) => (l(value, record) as Ordered) > limit };
    return { type: booleanType, run: (value, record) => (l(value, record) as Ordered) >= limit };
  }
  const test = orderTest(sign);
  return { type: booleanType, run: (value, record) => test(l(value, record) as Ordered, r(value, record) as Ordered) };
}

function orderTest(sign: BinarySign): (a: Ordered, b: Ordered) => boolean {
  if (sign === "<") return (a, b) => a < b;
  if (sign === "<=") return (a, b) => a <= b;
  return sign === ">" ? (a, b) => a > b : (a, b) => a >= b;
}

function compileMembership(node: Binary, around: Surroundings, { left, right }: Pair): Operand {
  const list = right.type;
  const [l, r] = [left.run, right.run];
  if (list.kind === "map" && nonNull(left.type).kind === "string") {
    return { type: booleanType, run: (value, record) => Object.hasOwn(r(value, record) as object, l(value, record) as string) };
  }
  if (list.kind !== "array") return mistyped(node.right, around, `"in" looks into a list or a map, and this is ${typeName(list)}`);
  const [a, b] = [nonNull(left.type), nonNull(list.items)];
  if (a.kind !== b.kind && !(isNumber(a) && isNumber(b))) {
    return mistyped(node, around, `"in" looks for ${typeName(left.type)} in ${typeName(list)}${hint(a, b)}`);
  }
  if (["record", "array", "map", "bytes"].includes(a.kind)) return mistyped(node, around, `"in" does not compare ${typeName(a)}`);
  if (a.kind === "money") {
    return {
      type: booleanType,
      run: (value, record) => {
        const wanted = l(value, record) as Money | null;
        return (r(value, record) as readonly (Money | null)[]).some((one) =>
          one === null || wanted === null ? one === wanted : equalMoney(one, wanted),
        );
      },
    };
  }
  if (right.constant !== undefined) {
    const set = new Set(right.constant.value as readonly unknown[]);
    return { type: booleanType, run: (value, record) => set.has(l(value, record)) };
  }
  return { type: booleanType, run: (value, record) => (r(value, record) as readonly unknown[]).includes(l(value, record)) };
}

function compileArithmetic(node: Binary, around: Surroundings, { left, right }: Pair): Operand {
  const [a, b] = [nonNull(left.type), nonNull(right.type)];
  const { sign } = node;
  const { where } = around;
  const [l, r] = [left.run, right.run];
  const ints = (compute: (x: number, y: number) => number): Operand => ({
    type: intType,
    run: (value, record) => safeInt(compute(l(value, record) as number, r(value, record) as number), where),
  });
  const doubles = (compute: (x: number, y: number) => number): Operand => ({
    type: doubleType,
    run: (value, record) => compute(l(value, record) as number, r(value, record) as number),
  });
  const moneys = (compute: (x: Money, y: Money, where: string) => Money): Operand => ({
    type: moneyType,
    run: (value, record) => compute(l(value, record) as Money, r(value, record) as Money, where),
  });
  const decimals = (compute: (x: bigint, y: bigint) => bigint): Operand => ({
    type: decimalType,
    run: (value, record) => fitted(compute(l(value, record) as bigint, r(value, record) as bigint), where),
  });
  const both = (kind: ExpressionType["kind"]): boolean => a.kind === kind && b.kind === kind;
  if (isInt(a) && isInt(b)) return ints(intOperations[sign as ArithmeticSign](where));
  if (both("double") && sign !== "%") return doubles(doubleOperations[sign as keyof typeof doubleOperations]);
  if (sign === "+" || sign === "-") {
    if (both("money")) return moneys(sign === "+" ? addMoney : subtractMoney);
    if (both("decimal")) return decimals(sign === "+" ? (x, y) => x + y : (x, y) => x - y);
    if (both("timestamp") && sign === "-") return ints((x, y) => x - y);
    if (both("string") && sign === "+") {
      return { type: stringType, run: (value, record) => `${l(value, record) as string}${r(value, record) as string}` };
    }
  }
  if (sign === "*") {
    const times = timesAmount({ left, right }, where) ?? timesAmount({ left: right, right: left }, where);
    if (times !== undefined) return times;
  }
  const exact =
    sign === "/" && (a.kind === "money" || a.kind === "decimal")
      ? "; an amount is not divided, since the result need not be exact"
      : hint(a, b);
  return mistyped(node, around, `"${sign}" is not defined for ${typeName(left.type)} and ${typeName(right.type)}${exact}`);
}

type ArithmeticSign = "+" | "-" | "*" | "/" | "%";

const intOperations: Readonly<Record<ArithmeticSign, (where: string) => (x: number, y: number) => number>> = {
  "+": () => (x, y) => x + y,
  "-": () => (x, y) => x - y,
  "*": () => (x, y) => x * y,
  "/": (where) => (x, y) => (y === 0 ? failRecord(where, "division by zero") : Math.trunc(x / y)),
  "%": (where) => (x, y) => (y === 0 ? failRecord(where, "division by zero") : x % y),
};

const doubleOperations = {
  "+": (x: number, y: number): number => x + y,
  "-": (x: number, y: number): number => x - y,
  "*": (x: number, y: number): number => x * y,
  "/": (x: number, y: number): number => x / y,
} as const;

/** An amount so many times: exact, since the other side is an int. */
function timesAmount({ left, right }: Pair, where: string): Operand | undefined {
  const [amount, times] = [left.run, right.run];
  if (!isInt(nonNull(right.type))) return undefined;
  const { kind } = nonNull(left.type);
  if (kind === "money") {
    return { type: moneyType, run: (value, record) => timesMoney(amount(value, record) as Money, times(value, record) as number, where) };
  }
  if (kind !== "decimal") return undefined;
  return {
    type: decimalType,
    run: (value, record) => fitted((amount(value, record) as bigint) * BigInt(times(value, record) as number), where),
  };
}
