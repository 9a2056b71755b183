import { dirname, join } from "node:path";
import { parseTimestamp } from "#schemas/timestamp.ts";
import { parseDuration } from "../parse/duration.ts";
import { type MapReader, readMap, readText } from "../parse/map-reader.ts";
import { plainValue } from "../parse/secrets.ts";
import { readYaml, type Tree, type TreeEntry } from "../parse/yaml-tree.ts";
import type { Place, Report } from "../topology-error.ts";
import type { Expected, TestCase, TestFile, TestRecord, TestStep } from "./test-syntax.ts";

/** `at: 0s` in a test: midnight UTC of a day without meaning. */
export const testEpochMs = Date.UTC(2026, 0, 1);

const stepFields = ["in", "clock", "restart", "out", "rows", "deadLetters"] as const;
const recordFields = ["at", "key", "raw", "value"] as const;

/** Reads a `*.test.yaml`: a list of cases, or `{ topology, cases }`; without `topology` it is the file of the same name. [Y18] */
export function parseTestFile(text: string, path: string, report: Report): TestFile | undefined {
  const tree = readYaml(text, path, report);
  if (tree === undefined) return undefined;
  const beside = path.replace(/\.test\.(ya?ml)$/, ".$1");
  if (tree.kind === "list") return { path, topology: beside, cases: tree.items.flatMap((item) => readCase(item, report) ?? []) };
  const map = readMap(tree, { known: ["topology", "cases"], what: "the file", report });
  const cases = map?.required("cases");
  if (map === undefined || cases === undefined) return undefined;
  if (cases.value.kind !== "list") {
    report("TOPOLOGY_WRONG_SHAPE", cases.value.place, `"cases" is a list of cases`);
    return undefined;
  }
  const topology = map.text("topology");
  return {
    path,
    topology: topology === undefined ? beside : join(dirname(path), topology.text),
    cases: cases.value.items.flatMap((item) => readCase(item, report) ?? []),
  };
}

function readCase(tree: Tree, report: Report): TestCase | undefined {
  const map = readMap(tree, { known: ["law", "name", "partitions", "steps", ...stepFields], what: "a case", report });
  if (map === undefined) return undefined;
  const name = map.text("law") ?? map.text("name");
  if (name === undefined) report("TOPOLOGY_MISSING_FIELD", map.place, `a case needs "law" or "name"`);
  const listed = map.entry("steps")?.value;
  if (listed !== undefined && listed.kind !== "list") report("TOPOLOGY_WRONG_SHAPE", listed.place, `"steps" is a list of steps`);
  const own = stepFields.some((field) => map.has(field));
  if (own && listed !== undefined) report("TOPOLOGY_STEP_CONFLICT", map.place, `a case has "steps", or is one step itself`);
  const trees = listed?.kind === "list" ? listed.items : own ? [tree] : [];
  if (trees.length === 0) report("TOPOLOGY_MISSING_FIELD", map.place, `a case needs "in" and what must come of it`);
  return {
    name: name?.text ?? "",
    place: map.place,
    partitions: map.count("partitions", 64) ?? 1,
    steps: trees.flatMap((step) => {
      const stepMap = step === tree ? map : readMap(step, { known: stepFields, what: "a step", report });
      return stepMap === undefined ? [] : readStep(stepMap, report);
    }),
  };
}

function readStep(map: MapReader, report: Report): TestStep {
  const letters = map.entry("deadLetters");
  const list = letters && listOf(letters.value, `"deadLetters"`, report);
  return {
    place: map.place,
    in: readNamed(map.entry("in"), `"in"`, report).flatMap(({ name, items }) =>
      items.flatMap((item) => readRecord(name, item, report) ?? []),
    ),
    clockMs: map.durationMs("clock", 0) ?? 0,
    restart: map.text("restart")?.text === "true",
    out: readNamed(map.entry("out"), `"out"`, report).map((named) => expected(named, report)),
    rows: readNamed(map.entry("rows"), `"rows"`, report).map((named) => expected(named, report)),
    deadLetters: letters && {
      place: letters.place,
      tree: letters.value,
      letters: (list ?? []).map((item) => plainValue(item, {}, report)),
    },
  };
}

type Named = { readonly name: string; readonly place: Place; readonly items: readonly Tree[]; readonly tree: Tree };

function readNamed(entry: TreeEntry | undefined, what: string, report: Report): readonly Named[] {
  if (entry === undefined) return [];
  if (entry.value.kind !== "map") {
    report("TOPOLOGY_WRONG_SHAPE", entry.value.place, `${what} is a map of names to lists`);
    return [];
  }
  return [...entry.value.entries].map(([name, { place, value }]) => ({
    name,
    place,
    items: listOf(value, `"${name}"`, report),
    tree: value,
  }));
}

function listOf(tree: Tree, what: string, report: Report): readonly Tree[] {
  if (tree.kind === "list") return tree.items;
  report("TOPOLOGY_WRONG_SHAPE", tree.place, `${what} is a list`);
  return [];
}

const expected = ({ name, place, items, tree }: Named, report: Report): Expected => ({
  name,
  place,
  tree,
  list: items.map((item) => plainValue(item, {}, report)),
});

/** `at` and `key` beside the fields of the event or record itself, which stand in `value` if their names are the same. */
function readRecord(topic: string, tree: Tree, report: Report): TestRecord | undefined {
  if (tree.kind !== "map") {
    report("TOPOLOGY_WRONG_SHAPE", tree.place, `a record of "${topic}" is a map: { at: 0s, data: { … } }`);
    return undefined;
  }
  const textOf = (name: (typeof recordFields)[number]): ReturnType<typeof readText> => {
    const entry = tree.entries.get(name);
    return entry && readText(entry.value, `"${name}"`, report);
  };
  const at = textOf("at");
  const atMs = at === undefined ? testEpochMs : timeOf(at.text);
  if (atMs === undefined)
    report(
      "TOPOLOGY_BAD_DURATION",
      at!.place,
      `"at" is a duration from the start of the test such as 90s, or a time with its zone; not "${at!.text}"`,
    );
  const raw = textOf("raw");
  const value = tree.entries.get("value")?.value;
  const fields = [...(value?.kind === "map" ? value : tree).entries].filter(
    ([name]) => value?.kind === "map" || !recordFields.includes(name as (typeof recordFields)[number]),
  );
  const json = Object.fromEntries(fields.map(([name, field]) => [name, plainValue(field.value, {}, report)]));
  return {
    topic,
    place: tree.place,
    atMs: atMs ?? testEpochMs,
    key: textOf("key")?.text,
    value: raw === undefined ? { kind: "json", json } : { kind: "raw", text: raw.text },
  };
}

/** A time with its zone, or a span from the start of the test. */
export function timeOf(text: string): number | undefined {
  const span = text === "0s" ? 0 : parseDuration(text, 0);
  return span === undefined ? parseTimestamp(text) : testEpochMs + span;
}
