import { RecordError } from "@millrace/engine";
import { type Money, moneyLimit } from "#schemas/money.ts";

/** An amount that fits `decimal(18, 4)`. @throws {RecordError} `expression-failed` */
export function fitted(amount: bigint, where: string): bigint {
  if (amount >= moneyLimit || amount <= -moneyLimit) throw new RecordError("expression-failed", `${where}: amount has more than 18 digits`);
  return amount;
}

/** @throws {RecordError} `currency-mismatch` */
export function sameCurrency(a: Money, b: Money, where: string): string {
  if (a.currency !== b.currency) throw new RecordError("currency-mismatch", `${where}: ${a.currency} and ${b.currency}`);
  return a.currency;
}

/** @throws {RecordError} `currency-mismatch`, `expression-failed` */
export const addMoney = (a: Money, b: Money, where: string): Money => ({
  amount: fitted(a.amount + b.amount, where),
  currency: sameCurrency(a, b, where),
});

/** @throws {RecordError} `currency-mismatch`, `expression-failed` */
export const subtractMoney = (a: Money, b: Money, where: string): Money => ({
  amount: fitted(a.amount - b.amount, where),
  currency: sameCurrency(a, b, where),
});

/** @throws {RecordError} `expression-failed` */
export const timesMoney = (a: Money, times: number, where: string): Money => ({
  amount: fitted(a.amount * BigInt(times), where),
  currency: a.currency,
});

/** −1, 0 or 1. @throws {RecordError} `currency-mismatch` */
export function compareMoney(a: Money, b: Money, where: string): number {
  sameCurrency(a, b, where);
  return a.amount < b.amount ? -1 : a.amount > b.amount ? 1 : 0;
}

export const equalMoney = (a: Money, b: Money): boolean => a.amount === b.amount && a.currency === b.currency;

/** @throws {RecordError} `expression-failed`: a sum that is no exact number any more */
export function safeInt(value: number, where: string): number {
  if (!Number.isSafeInteger(value)) throw new RecordError("expression-failed", `${where}: int is not within ±(2^53 − 1)`);
  // −0 is 0.
  return value + 0;
}
