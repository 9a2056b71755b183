import type { SmokeRecord } from "./generator.ts";
import { minWindow, type Output, sumWindow } from "./plan.ts";

/** What each key of an output must have, in order, from the first record to the last. */
export type Sequences = ReadonlyMap<string, readonly number[]>;

/** Outputs that say everything a key went through: each of them shows what is lost, doubled or out of order. */
export const sequenceOutputs = ["echo", "min-raw", "min-suppressed", "min", "sws-raw", "sws-suppressed", "max", "sum", "cnt"] as const;
/** Outputs that depend on how topics were read beside each other: only the last record of a key is determined. */
export const lastOutputs = ["dif", "avg", "tagg"] as const;

/** The answers to what was acknowledged, in the order of sending. */
export function expectedSequences(records: readonly SmokeRecord[], output: (typeof sequenceOutputs)[number]): Sequences {
  const found = new Map<string, number[]>();
  const add = (key: string, next: (last: number | undefined, length: number) => number): void => {
    const values = found.get(key);
    if (values === undefined) found.set(key, [next(undefined, 0)]);
    else values.push(next(values.at(-1), values.length));
  };
  const keep = (key: string, next: (last: number | undefined) => number): void => {
    found.set(key, [next(found.get(key)?.[0])]);
  };
  const dayOf = (timestamp: number): number => Math.floor(timestamp / minWindow.sizeMs) * minWindow.sizeMs;
  for (const { key, value, timestamp } of records) {
    const least = (last = Number.MAX_SAFE_INTEGER): number => Math.min(last, value);
    const sum = (last = 0): number => last + value;
    switch (output) {
      case "echo":
        add(key, () => value);
        break;
      case "min":
        add(key, least);
        break;
      case "min-raw":
        add(`${key}@${dayOf(timestamp)}`, least);
        break;
      case "min-suppressed":
        keep(`${key}@${dayOf(timestamp)}`, least);
        break;
      case "max":
        add(key, (last = Number.MIN_SAFE_INTEGER) => Math.max(last, value));
        break;
      case "sum":
        add(key, sum);
        break;
      case "cnt":
        add(key, (_last, length) => length + 1);
        break;
      case "sws-raw":
        for (const start of sumWindowsOf(timestamp)) add(`${key}@${start}`, sum);
        break;
      case "sws-suppressed":
        for (const start of sumWindowsOf(timestamp)) keep(`${key}@${start}`, sum);
        break;
      default:
        output satisfies never;
    }
  }
  return found;
}

function sumWindowsOf(timestamp: number): number[] {
  const { sizeMs, advanceMs } = sumWindow;
  const newest = Math.floor(timestamp / advanceMs) * advanceMs;
  const starts: number[] = [];
  for (let start = newest; start > timestamp - sizeMs; start -= advanceMs) starts.unshift(start);
  return starts;
}

/** The last value of every key of an output, from the key alone: the table of smoke.md. Undefined for outputs that it does not name. */
export function closedForm(output: Output, keys: readonly string[]): ReadonlyMap<string, number> | undefined {
  const of = (answer: (min: number, max: number) => number): ReadonlyMap<string, number> =>
    new Map(keys.map((key) => [key, answer(...rangeOf(key))]));
  switch (output) {
    case "min":
    case "min-suppressed":
      return of((min) => min);
    case "max":
      return of((_min, max) => max);
    case "cnt":
      return of((min, max) => max - min + 1);
    case "sum":
      return of((min, max) => ((min + max) * (max - min + 1)) / 2);
    case "avg":
      return of((min, max) => (min + max) / 2);
    case "dif":
      return of((min, max) => max - min);
    case "tagg": {
      const members = new Map<string, number>();
      for (const [min, max] of keys.map(rangeOf)) members.set(String(max - min + 1), (members.get(String(max - min + 1)) ?? 0) + 1);
      return members;
    }
    case "echo":
    case "min-raw":
    case "sws-raw":
    case "sws-suppressed":
    case "ticks":
      return undefined;
  }
}

/** Days are of one window each, so a windowed key is its key. */
export const withoutWindow = (key: string): string => key.replace(/@.*$/, "");

function rangeOf(key: string): [min: number, max: number] {
  const [min, max] = key.split("-");
  return [Number(min), Number(max)];
}
