import { didYouMean } from "../did-you-mean.ts";

/**
 * What differs between what is expected and what is there, as lines; nothing if they match. Of a map only the fields that are expected are compared,
 * lists are compared whole. Numbers and texts that say the same are the same, and an amount stands for its money.
 */
export function differences(expected: unknown, actual: unknown, at = ""): readonly string[] {
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual)) return [line(at, expected, actual)];
    const lines = expected.flatMap((one, i) =>
      i < actual.length ? differences(one, actual[i], `${at}[${i}]`) : [`${at}[${i}]: expected ${text(one)}, and there is none`],
    );
    return [...lines, ...actual.slice(expected.length).map((one, i) => `${at}[${expected.length + i}]: not expected: ${text(one)}`)];
  }
  if (isMap(expected)) {
    if (!isMap(actual)) return [line(at, expected, actual)];
    return Object.entries(expected).flatMap(([name, value]) => {
      const path = at === "" ? name : `${at}.${name}`;
      if (Object.hasOwn(actual, name)) return differences(value, actual[name], path);
      return value === null ? [] : [`${path}: expected ${text(value)}, and there is no such field${didYouMean(name, Object.keys(actual))}`];
    });
  }
  if (isMap(actual) && Object.hasOwn(actual, "amount") && expected !== null) return differences(expected, actual["amount"], at);
  return isSame(expected, actual) ? [] : [line(at, expected, actual)];
}

function isSame(expected: unknown, actual: unknown): boolean {
  if (expected === actual) return true;
  if (expected === null || actual === null || actual === undefined) return (expected ?? null) === (actual ?? null);
  return (
    isPlain(expected) &&
    isPlain(actual) &&
    isDecimal(String(expected)) &&
    isDecimal(String(actual)) &&
    canonical(String(expected)) === canonical(String(actual))
  );
}

const isPlain = (value: unknown): value is string | number => typeof value === "string" || typeof value === "number";
const isDecimal = (value: string): boolean => /^-?\d+(\.\d+)?$/.test(value);
/** Without the zeros that make no difference. */
const canonical = (value: string): string => (value.includes(".") ? value.replace(/\.?0+$/, "") : value);

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const line = (at: string, expected: unknown, actual: unknown): string =>
  `${at === "" ? "" : `${at}: `}expected ${text(expected)}, and there is ${text(actual)}`;
const text = (value: unknown): string => (value === undefined ? "nothing" : JSON.stringify(value));
