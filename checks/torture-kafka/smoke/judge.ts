import { closedForm, expectedSequences, lastOutputs, type Sequences, sequenceOutputs, withoutWindow } from "./answers.ts";
import { flushKey } from "./flush-key.ts";
import type { SmokeRecord } from "./generator.ts";
import type { Output } from "./plan.ts";

/** A record of an output as an independent reader sees it; in the order of the log within its partition. */
export type SeenRecord = { readonly key: string | null; readonly value: number | null };

/** What was acknowledged, in the order of sending, and how an output is read. */
export type Judged = {
  readonly acknowledged: readonly SmokeRecord[];
  readonly read: (what: Output | "data") => Promise<readonly SeenRecord[]>;
};

export type Verdict = {
  /** What is wrong, in words; empty when nothing is. */
  readonly broken: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
};

const mostLines = 8;

/**
 * The answers of smoke.md, and more than they ask: every output that tells what a key went through must tell all of it, once and in order; what was
 * acknowledged lies in `data` once; ticks of a task count up by one.
 */
export async function judge({ acknowledged, read }: Judged): Promise<Verdict> {
  const broken: string[] = [];
  const counts: Record<string, number> = {};
  const keys = [...new Set(acknowledged.map(({ key }) => key))];
  const seen = async (what: Output | "data"): Promise<Map<string, number[]>> => {
    const records = await read(what);
    counts[what] = records.length;
    return sequencesOf(records, what, broken);
  };

  const sent = expectedSequences(acknowledged, "echo");
  const data = await seen("data");
  if (!data.delete(flushKey)) broken.push("data: the flush records are missing");
  broken.push(...compareSequences("data", sent, data));
  for (const output of sequenceOutputs) {
    const found = await seen(output);
    broken.push(...compareSequences(output, expectedSequences(acknowledged, output), found));
    broken.push(...compareLast(output, keys, found));
  }
  for (const output of lastOutputs) broken.push(...compareLast(output, keys, await seen(output)));
  for (const [task, ticks] of await seen("ticks")) {
    const odd = ticks.findIndex((tick, i) => tick !== i + 1);
    if (odd >= 0) broken.push(`ticks: ${task} ticked ${ticks.slice(Math.max(0, odd - 2), odd + 3).join(", ")} where ${odd + 1} was due`);
  }
  return { broken, counts };
}

function sequencesOf(records: readonly SeenRecord[], what: string, broken: string[]): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const { key, value } of records) {
    if (key === null || value === null) {
      broken.push(`${what}: a record of key ${key} and value ${value}`);
      continue;
    }
    const values = found.get(key);
    if (values === undefined) found.set(key, [value]);
    else values.push(value);
  }
  return found;
}

/** Of each key the same values in the same order: what is lost, what came twice, what came in another order. */
export function compareSequences(what: string, expected: Sequences, found: Sequences): string[] {
  const lines: string[] = [];
  let lost = 0;
  let doubled = 0;
  for (const [key, values] of expected) {
    const has = found.get(key) ?? [];
    const odd = values.findIndex((value, i) => has[i] !== value);
    if (odd < 0 && has.length === values.length) continue;
    lost += Math.max(0, values.length - has.length);
    doubled += Math.max(0, has.length - values.length);
    const at = odd < 0 ? values.length : odd;
    if (lines.length < mostLines)
      lines.push(
        `${what}: ${key} has ${has.length} records instead of ${values.length}; from number ${at} on ${JSON.stringify(has.slice(at, at + 4))} instead of ${JSON.stringify(values.slice(at, at + 4))}`,
      );
  }
  const strangers = [...found.keys()].filter((key) => !expected.has(key));
  if (strangers.length > 0) lines.push(`${what}: ${strangers.length} keys that nobody sent, e.g. ${strangers[0]}`);
  if (lines.length > 0) lines.push(`${what}: ${lost} lost, ${doubled} doubled`);
  return lines;
}

/** The table of smoke.md: the last value of each key; of `tagg` every key that is not named ends at 0. */
export function compareLast(output: Output, keys: readonly string[], found: Sequences): string[] {
  const expected = closedForm(output, keys);
  if (expected === undefined) return [];
  const last = new Map([...found].map(([key, values]) => [withoutWindow(key), values.at(-1)!]));
  const lines: string[] = [];
  for (const [key, value] of expected)
    if (last.get(key) !== value) lines.push(`${output}: ${key} ends at ${last.get(key)} instead of ${value}`);
  for (const [key, value] of last) {
    if (expected.has(key) || (output === "tagg" && value === 0)) continue;
    lines.push(`${output}: ${key} ends at ${value} instead of ${output === "tagg" ? "0" : "not being there"}`);
  }
  return lines.slice(0, mostLines);
}
