import { didYouMean } from "../did-you-mean.ts";
import type { Place, Report } from "../topology-error.ts";
import { parseDuration } from "./duration.ts";
import type { NamedText, Text } from "./syntax.ts";
import type { Tree, TreeEntry } from "./yaml-tree.ts";

/** Words that other tools use for ours. */
const otherWords: ReadonlyMap<string, string> = new Map([
  ["filter", "where"],
  ["map", "select"],
  ["groupBy", "key"],
  ["group", "key"],
  ["flatmap", "flatMap"],
  ["size", "tumbling"],
  ["retention", "retain"],
  ["config", "with"],
  ["source", "from"],
  ["sink", "to"],
  ["output", "to"],
]);

/** Reads the fields of one map; what is not among `known` is refused when the reader is made. */
export type MapReader = {
  readonly place: Place;
  /** What it is, for messages. */
  readonly what: string;
  readonly has: (name: string) => boolean;
  readonly entry: (name: string) => TreeEntry | undefined;
  readonly required: (name: string) => TreeEntry | undefined;
  readonly text: (name: string) => Text | undefined;
  readonly oneOf: <const V extends string>(name: string, values: readonly V[]) => V | undefined;
  readonly durationMs: (name: string, least?: number) => number | undefined;
  readonly count: (name: string, most: number) => number | undefined;
};

/** `what` says what the map is, e.g. `window of node "sales"`. Answers nothing, and says so, when there is no map. */
export function readMap(tree: Tree, reading: { known: readonly string[]; what: string; report: Report }): MapReader | undefined {
  const { known, what, report } = reading;
  if (tree.kind !== "map") {
    report("TOPOLOGY_WRONG_SHAPE", tree.place, `${what} is a map of ${known.map((name) => `"${name}"`).join(", ")}`);
    return undefined;
  }
  const { entries, place } = tree;
  for (const [name, entry] of entries) {
    if (known.includes(name)) continue;
    const other = otherWords.get(name);
    const hint = other !== undefined && known.includes(other) ? `; did you mean "${other}"?` : didYouMean(name, known);
    report("TOPOLOGY_UNKNOWN_FIELD", entry.place, `${what} has no field "${name}"${hint}`);
  }
  const entry = (name: string): TreeEntry | undefined => entries.get(name);
  const text = (name: string): Text | undefined => {
    const found = entry(name);
    return found === undefined ? undefined : readText(found.value, `"${name}" of ${what}`, report);
  };
  return {
    place,
    what,
    entry,
    text,
    has: (name) => entries.has(name),
    required: (name) => {
      const found = entry(name);
      if (found === undefined) report("TOPOLOGY_MISSING_FIELD", place, `${what} needs "${name}"`);
      return found;
    },
    oneOf: (name, values) => {
      const found = text(name);
      if (found === undefined) return undefined;
      const value = values.find((one) => one === found.text);
      if (value === undefined) {
        report("TOPOLOGY_BAD_VALUE", found.place, `"${name}" of ${what} is not "${found.text}"${didYouMean(found.text, values)}`);
      }
      return value;
    },
    durationMs: (name, least = 1) => {
      const found = text(name);
      if (found === undefined) return undefined;
      const ms = parseDuration(found.text, least);
      if (ms === undefined) {
        report(
          "TOPOLOGY_BAD_DURATION",
          found.place,
          `"${name}" of ${what} is a duration such as 250ms, 30s, 1m, 24h, 7d; not "${found.text}"`,
        );
      }
      return ms;
    },
    count: (name, most) => {
      const found = text(name);
      if (found === undefined) return undefined;
      const value = Number(found.text);
      if (/^\d+$/.test(found.text) && value >= 1 && value <= most) return value;
      report("TOPOLOGY_BAD_VALUE", found.place, `"${name}" of ${what} is a number from 1 to ${most}, not "${found.text}"`);
      return undefined;
    },
  };
}

export function readText(tree: Tree, what: string, report: Report): Text | undefined {
  if (tree.kind === "scalar" && tree.value !== null && tree.text.trim() !== "") return { text: tree.text, place: tree.place, at: tree.at };
  report("TOPOLOGY_WRONG_SHAPE", tree.place, `${what} is text, not ${tree.kind === "scalar" ? "nothing" : `a ${tree.kind}`}`);
  return undefined;
}

/** One text or a list of them. */
export function readTexts(tree: Tree, what: string, report: Report): readonly Text[] {
  const trees = tree.kind === "list" ? tree.items : [tree];
  if (trees.length === 0) report("TOPOLOGY_WRONG_SHAPE", tree.place, `${what} is an empty list`);
  return trees.flatMap((item) => readText(item, what, report) ?? []);
}

const fieldName = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const reservedFields: readonly string[] = ["__proto__", "constructor", "prototype"];

/** A map of names to expressions; the names become fields of a record. */
export function readFields(tree: Tree, what: string, report: Report): readonly NamedText[] {
  if (tree.kind !== "map" || tree.entries.size === 0) {
    report("TOPOLOGY_WRONG_SHAPE", tree.place, `${what} is a map of names to expressions`);
    return [];
  }
  return [...tree.entries].flatMap(([name, { place, value }]) => {
    if (!fieldName.test(name) || reservedFields.includes(name)) {
      report("TOPOLOGY_BAD_NAME", place, `"${name}" is no name for a field: letters, digits and _, and no digit first`);
      return [];
    }
    const of = readText(value, `"${name}" of ${what}`, report);
    return of === undefined ? [] : [{ name, place, of }];
  });
}
