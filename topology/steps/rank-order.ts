import type { Expression } from "../expressions/compile-expression.ts";
import { comparison } from "../expressions/functions.ts";
import { isNull } from "../expressions/operand.ts";
import { noRecord } from "../streams/no-record.ts";

/** Rows are read, not processed: amounts of different currencies are ordered by amount; null comes last. */
export function rankOrder({ type, evaluate }: Expression, sign: 1 | -1): ((a: unknown, b: unknown) => number) | undefined {
  const isMoney = type.kind === "money" || (type.kind === "nullable" && type.of.kind === "money");
  const present = type.kind === "nullable" ? type.of : type;
  const compare = isMoney ? compareAmounts : comparison(present, "top");
  if (compare === undefined) return undefined;
  return (a, b) => {
    const [x, y] = [evaluate(a, noRecord), evaluate(b, noRecord)];
    if (isNull(x) || isNull(y)) return Number(isNull(x)) - Number(isNull(y));
    return compare(x, y) * sign;
  };
}

function compareAmounts(a: unknown, b: unknown): number {
  const [x, y] = [(a as { amount: bigint }).amount, (b as { amount: bigint }).amount];
  return x < y ? -1 : x > y ? 1 : 0;
}
