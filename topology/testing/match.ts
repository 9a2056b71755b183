import { didYouMean } from "../did-you-mean.ts";

/** One place where what is there is not what is expected. Numbers in `path` are places in a list: of what is expected, where it has one. */
export type Difference = {
  readonly path: readonly (string | number)[];
  readonly kind: "differs" | "missing" | "unexpected" | "no-field";
  readonly expected: unknown;
  readonly actual: unknown;
  /** What was probably meant, where a field is not there. */
  readonly hint: string;
};

/**
 * What differs between what is expected and what is there; nothing if they match. Of a map only the fields that are expected are compared, lists are
 * compared whole. Numbers and texts that say the same are the same, and an amount stands for its money. Of lists, members that match are told apart
 * from those that are too few or too many, wherever they stand.
 */
export function compare(expected: unknown, actual: unknown, path: Difference["path"] = []): readonly Difference[] {
  const differs: Difference = { path, kind: "differs", expected, actual, hint: "" };
  if (Array.isArray(expected)) return Array.isArray(actual) ? compareLists(expected, actual, path) : [differs];
  if (isMap(expected)) {
    if (!isMap(actual)) return [differs];
    return Object.entries(expected).flatMap(([name, value]) => {
      const inner = [...path, name];
      if (Object.hasOwn(actual, name)) return compare(value, actual[name], inner);
      if (value === null) return [];
      return [{ path: inner, kind: "no-field", expected: value, actual: undefined, hint: didYouMean(name, Object.keys(actual)) } as const];
    });
  }
  if (isMap(actual) && Object.hasOwn(actual, "amount") && expected !== null) return compare(expected, actual["amount"], path);
  return isSame(expected, actual) ? [] : [differs];
}

/** A difference as one line: `[0].units: expected 3, and there is 2`. */
export function differenceLine({ path, kind, expected, actual, hint }: Difference): string {
  const at = path.map((step, i) => (typeof step === "number" ? `[${step}]` : i === 0 ? step : `.${step}`)).join("");
  const place = at === "" ? "" : `${at}: `;
  if (kind === "missing") return `${place}expected ${valueText(expected)}, and there is none`;
  if (kind === "unexpected") return `${place}not expected: ${valueText(actual)}`;
  if (kind === "no-field") return `${place}expected ${valueText(expected)}, and there is no such field${hint}`;
  return `${place}expected ${valueText(expected)}, and there is ${valueText(actual)}`;
}

export const valueText = (value: unknown): string => (value === undefined ? "nothing" : JSON.stringify(value));

function compareLists(expected: readonly unknown[], actual: readonly unknown[], path: Difference["path"]): readonly Difference[] {
  return pairs(expected, actual).flatMap(([e, a]): readonly Difference[] => {
    if (e === undefined) return [{ path: [...path, a!], kind: "unexpected", expected: undefined, actual: actual[a!], hint: "" }];
    if (a === undefined) return [{ path: [...path, e], kind: "missing", expected: expected[e], actual: undefined, hint: "" }];
    return compare(expected[e], actual[a], [...path, e]);
  });
}

type Pair = readonly [expected: number | undefined, actual: number | undefined];
/** Above it, members are paired by their places. */
const mostCompared = 40_000;

/**
 * Which members stand for each other. As many as there should be: by their places. Else what matches is kept together (the longest common subsequence),
 * and between those by their places.
 */
function pairs(expected: readonly unknown[], actual: readonly unknown[]): readonly Pair[] {
  const length = Math.max(expected.length, actual.length);
  const byPlace = (): readonly Pair[] =>
    Array.from({ length }, (_, i) => [i < expected.length ? i : undefined, i < actual.length ? i : undefined]);
  if (expected.length === actual.length || expected.length * actual.length > mostCompared) return byPlace();
  const matches = expected.map((one) => actual.map((other) => compare(one, other).length === 0));
  const longest = Array.from({ length: expected.length + 1 }, () => Array.from({ length: actual.length + 1 }, () => 0));
  for (let e = expected.length - 1; e >= 0; e--) {
    for (let a = actual.length - 1; a >= 0; a--) {
      longest[e]![a] = matches[e]![a]! ? longest[e + 1]![a + 1]! + 1 : Math.max(longest[e + 1]![a]!, longest[e]![a + 1]!);
    }
  }
  const paired: Pair[] = [];
  let [e, a] = [0, 0];
  let waiting: { e: number[]; a: number[] } = { e: [], a: [] };
  const flush = (): void => {
    for (let i = 0; i < Math.max(waiting.e.length, waiting.a.length); i++) paired.push([waiting.e[i], waiting.a[i]]);
    waiting = { e: [], a: [] };
  };
  while (e < expected.length || a < actual.length) {
    if (e < expected.length && a < actual.length && matches[e]![a]!) {
      flush();
      paired.push([e++, a++]);
    } else if (a >= actual.length || (e < expected.length && longest[e + 1]![a]! >= longest[e]![a + 1]!)) waiting.e.push(e++);
    else waiting.a.push(a++);
  }
  flush();
  return paired;
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
