import type { FieldType } from "#schemas/field-type.ts";
import type { Money } from "#schemas/money.ts";
import { doubleType, type ExpressionType, intType, isInt, nonNull, nullable } from "./expression-type.ts";
import { comparison } from "./functions.ts";
import { addMoney, fitted, safeInt } from "./money-arithmetic.ts";

/** How one column of an aggregate folds its arguments; nulls are left out before `add`, but by `count()` without argument. */
export type AggregateFunction = {
  /** Type of the result. */
  readonly type: FieldType;
  /** What lies in the store. */
  readonly stored: FieldType;
  readonly init: () => unknown;
  readonly add: (state: unknown, argument: unknown) => unknown;
  readonly result: (state: unknown) => unknown;
  /** Where the state in memory is not what is stored. */
  readonly toStored?: (state: unknown) => unknown;
  readonly fromStored?: (stored: unknown) => unknown;
};

export const aggregateNames = ["count", "sum", "min", "max", "avg", "distinct", "first", "last"] as const;
export type AggregateName = (typeof aggregateNames)[number];

/** What each of them gives, for whoever writes one. */
export const aggregateSummaries: Readonly<Record<AggregateName, string>> = {
  count: "How many records there are.",
  sum: "The sum of int, double, decimal or money.",
  min: "The least of numbers, times, texts, decimals or money.",
  max: "The greatest of numbers, times, texts, decimals or money.",
  avg: "The mean of int or double; of money, give sum and count.",
  distinct: "How many different values there are, exactly; every value is kept.",
  first: "The value that came first.",
  last: "The value that came last.",
};

const same = (state: unknown): unknown => state;

/** The function for arguments of a type, or what is wrong with it. `argument` is absent in `count()`. */
export function aggregateFunction(name: AggregateName, argument: ExpressionType | undefined, where: string): AggregateFunction | string {
  if (name === "count") {
    return { type: intType, stored: intType, init: () => 0, add: (count) => safeInt((count as number) + 1, where), result: same };
  }
  if (argument === undefined) return `${name}() takes an expression`;
  const present = nonNull(argument);
  if (present.kind === "null" || present.kind === "unknown") return `${name}() takes an expression with a value`;
  const asGiven = argument.kind === "nullable" ? nullable(present as FieldType) : (present as FieldType);
  switch (name) {
    case "sum":
      return sum(present as FieldType, asGiven, where) ?? `sum() adds up int, double, decimal or money`;
    case "min":
    case "max": {
      const compare = comparison(present, where);
      if (compare === undefined) return `${name}() compares numbers, times, texts, decimals or money`;
      const wanted = name === "min" ? -1 : 1;
      return kept(asGiven, (best, one) => (Math.sign(compare(one, best)) === wanted ? one : best));
    }
    case "first":
      return kept(asGiven, (first) => first);
    case "last":
      return kept(asGiven, (_before, last) => last);
    case "avg":
      return avg(present, argument) ?? `avg() takes int or double: of money, give sum and count`;
    case "distinct":
      return distinct(present) ?? `distinct() counts string, int, boolean or timestamp`;
  }
}

function sum(type: FieldType, asGiven: FieldType, where: string): AggregateFunction | undefined {
  if (isInt(type)) {
    return { type: intType, stored: intType, init: () => 0, add: (a, b) => safeInt((a as number) + (b as number), where), result: same };
  }
  if (type.kind === "double") return { type, stored: type, init: () => 0, add: (a, b) => (a as number) + (b as number), result: same };
  if (type.kind === "decimal") {
    return { type, stored: type, init: () => 0n, add: (a, b) => fitted((a as bigint) + (b as bigint), where), result: same };
  }
  // No money has no currency: the sum begins with the first.
  return type.kind === "money" ? kept(asGiven, (a, b) => addMoney(a as Money, b as Money, where)) : undefined;
}

/** Begins with the first value; null until there is one, which only happens where the argument may be null. */
function kept(asGiven: FieldType, add: (before: unknown, value: unknown) => unknown): AggregateFunction {
  return {
    type: asGiven,
    stored: nullable(asGiven),
    init: () => null,
    add: (before, value) => (before === null ? value : add(before, value)),
    result: same,
  };
}

type Mean = { sum: number; count: number };

function avg(type: ExpressionType, argument: ExpressionType): AggregateFunction | undefined {
  if (!isInt(type) && type.kind !== "double") return undefined;
  return {
    type: argument.kind === "nullable" ? nullable(doubleType) : doubleType,
    stored: {
      kind: "record",
      name: "Mean",
      fields: [
        { name: "sum", type: doubleType },
        { name: "count", type: intType },
      ],
    },
    init: (): Mean => ({ sum: 0, count: 0 }),
    add: (mean, value) => ({ sum: (mean as Mean).sum + (value as number), count: (mean as Mean).count + 1 }),
    result: (mean) => ((mean as Mean).count === 0 ? null : (mean as Mean).sum / (mean as Mean).count),
  };
}

/** Exact: every different value is kept. */
function distinct(type: ExpressionType): AggregateFunction | undefined {
  if (!isInt(type) && !["string", "boolean", "timestamp"].includes(type.kind)) return undefined;
  return {
    type: intType,
    stored: { kind: "array", items: type as FieldType },
    init: () => new Set(),
    add: (seen, value) => (seen as Set<unknown>).add(value),
    result: (seen) => (seen as Set<unknown>).size,
    toStored: (seen) => [...(seen as Set<unknown>)],
    fromStored: (list) => new Set(list as readonly unknown[]),
  };
}
