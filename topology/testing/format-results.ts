import { parseTimestamp } from "#schemas/timestamp.ts";
import { formatDuration, parseDuration } from "../parse/duration.ts";
import type { Tree } from "../parse/yaml-tree.ts";
import type { Place } from "../topology-error.ts";
import { type Difference, valueText } from "./match.ts";
import { testEpochMs } from "./parse-test-file.ts";
import type { CaseFailure, Section } from "./run-case.ts";
import { type CaseResult, isPassed } from "./run-test-files.ts";

/** How the results look: marks for what is good and bad (none when left out), and how many columns there are. */
export type ResultStyle = {
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly bold: (text: string) => string;
  readonly columns: number;
};

const same = (text: string): string => text;
const plain: ResultStyle = { good: same, bad: same, dim: same, bold: same, columns: 140 };

/**
 * The results as text: a line a case; below one that failed, by step, what was expected and what is there side by side, only what differs, each with its
 * line in the file. [ED5]
 */
export function formatResults(results: readonly CaseResult[], style: ResultStyle = plain): string {
  const { good, bad, dim, bold } = style;
  const lines = results.flatMap((result) => {
    const place = `${result.file}:${result.line}`;
    if (isPassed(result)) return [`${good("ok  ")} ${dim(place)}  ${result.name}`];
    return [
      `${bad("FAIL")} ${place}  ${bold(result.name)}`,
      ...result.failures.flatMap((failure) => failureText(failure, "", style)),
      ...result.restartFailures.flatMap((failure) => failureText(failure, "with a restart after every record", style)),
    ];
  });
  const failed = results.filter((result) => !isPassed(result)).length;
  const sum = `${results.length - failed} passed, ${failed} failed`;
  return `${[...lines, failed === 0 ? good(sum) : bad(sum)].join("\n")}\n`;
}

function failureText({ step, notes, sections }: CaseFailure, how: string, style: ResultStyle): readonly string[] {
  return [
    ...(how === "" ? [] : [`     ${how}:`]),
    ...notes.map((note) => `     line ${step.place.line}: ${style.bad(note)}`),
    ...sections.flatMap((section) => sectionText(section, style)),
  ];
}

type Line = { readonly at: string; readonly field: string; readonly expected: string; readonly actual: string };

function sectionText({ title, place, tree, differences }: Section, style: ResultStyle): readonly string[] {
  const lines = differences.map((difference) => lineOf(difference, { place, tree }));
  const head: Line = { at: "line", field: "", expected: "expected", actual: "there is" };
  const width = (of: (line: Line) => string): number => Math.max(...[head, ...lines].map((line) => of(line).length));
  const [at, field] = [width((line) => line.at), width((line) => line.field)];
  // The two values share what is left.
  const room = Math.max(16, Math.floor((style.columns - 7 - at - 2 - field - 2 - 2) / 2));
  const expectedWidth = Math.min(
    room,
    width((line) => line.expected),
  );
  const row = (line: Line, good: (text: string) => string, bad: (text: string) => string): string =>
    `       ${line.at.padStart(at)}  ${line.field.padEnd(field)}  ${good(cut(line.expected, room).padEnd(expectedWidth))}  ${bad(cut(line.actual, room))}`.trimEnd();
  return [`     ${style.bold(title)}`, style.dim(row(head, same, same)), ...lines.map((line) => row(line, style.good, style.bad))];
}

/** What is too many has no line of its own: that of its list. */
function lineOf(difference: Difference, { place, tree }: Pick<Section, "place" | "tree">): Line {
  const { path, kind, expected, actual, hint } = difference;
  const found = kind === "unexpected" ? { place, tree: undefined } : written(tree, path, place);
  const at = String(found.place.line);
  const field = path.map((step, i) => (typeof step === "number" ? `[${step}]` : i === 0 ? step : `.${step}`)).join("");
  const spans = kind === "differs" ? spansOf(found.tree, actual) : undefined;
  if (spans !== undefined) return { at, field, ...spans };
  return {
    at,
    field,
    expected: kind === "unexpected" ? "nothing" : valueText(expected),
    actual: kind === "missing" ? "none" : kind === "no-field" ? `no such field${hint}` : valueText(actual),
  };
}

type Written = { readonly place: Place; readonly tree: Tree | undefined };

/** What the file says at a path, and where; of what it does not say, the place of what is nearest to it. */
function written(tree: Tree, path: Difference["path"], place: Place): Written {
  let [at, found] = [tree, place];
  for (const step of path) {
    const entry = typeof step === "string" && at.kind === "map" ? at.entries.get(step) : undefined;
    const inner: Tree | undefined = entry?.value ?? (typeof step === "number" && at.kind === "list" ? at.items[step] : undefined);
    if (inner === undefined) return { place: found, tree: undefined };
    found = entry?.place ?? inner.place;
    at = inner;
  }
  return { place: found, tree: at };
}

/** Times that the file writes as spans from the start of the test are shown so, both of them. */
function spansOf(tree: Tree | undefined, actual: unknown): Pick<Line, "expected" | "actual"> | undefined {
  if (tree?.kind !== "scalar" || parseDuration(tree.text, 0) === undefined || typeof actual !== "string") return undefined;
  const ms = parseTimestamp(actual);
  if (ms === undefined || ms < testEpochMs) return undefined;
  return { expected: tree.text, actual: formatDuration(ms - testEpochMs) };
}

const cut = (text: string, room: number): string => (text.length <= room ? text : `${text.slice(0, room - 1)}…`);
