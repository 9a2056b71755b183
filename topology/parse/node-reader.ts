import { fieldsOf } from "../shape/file-shape.ts";
import {
  dedupeShape,
  emitWords,
  flatMapShape,
  lateWords,
  mostRanks,
  namedKeyShape,
  nodeShape,
  requireShape,
  reservedIds,
  tableShape,
  topShape,
  windowShape,
} from "../shape/node-shape.ts";
import { identifier, kebab } from "../shape/scalars.ts";
import type { Report } from "../topology-error.ts";
import { type MapReader, readFields, readMap, readText, readTexts } from "./map-reader.ts";
import type { FromSyntax, NodeSyntax, Text } from "./syntax.ts";
import type { Tree, TreeEntry } from "./yaml-tree.ts";

export const isKebab = (name: string): boolean => kebab.test(name) && name.length <= 64;

type Reading = { readonly what: string; readonly report: Report };

/** Reads one entry of `nodes:`; what is wrong in it is reported and left out. */
export function readNode(id: string, { place, value }: TreeEntry, report: Report): NodeSyntax | undefined {
  const what = `node "${id}"`;
  if (!isKebab(id)) report("TOPOLOGY_BAD_NAME", place, `"${id}" is no name for a node: kebab-case, as in "orders-by-day"`);
  else if (reservedIds.includes(id)) report("TOPOLOGY_BAD_NAME", place, `"${id}" is a reserved word and no name for a node`);
  const map = readMap(value, { known: fieldsOf(nodeShape), what, report });
  if (map === undefined) return undefined;
  const reading = { what, report };
  const from = map.required("from");
  const use = map.text("use");
  return {
    id,
    place,
    from: from === undefined ? { kind: "merge", refs: [] } : readFrom(from.value, reading),
    require: readRequire(map.entry("require"), reading),
    ...optional("dedupe", readDedupe(map.entry("dedupe"), reading)),
    ...optional("where", map.text("where")),
    ...optional("select", map.has("select") ? readFields(map.entry("select")!.value, `select of ${what}`, report) : undefined),
    ...optional("flatMap", readFlatMap(map.entry("flatMap"), reading)),
    ...optional("branch", readBranch(map.entry("branch"), reading)),
    ...optional("key", readKey(map.entry("key"), reading)),
    ...optional("window", readWindow(map.entry("window"), reading)),
    ...optional("aggregate", readAggregate(map.entry("aggregate"), reading)),
    ...optional("emit", placed(map, "emit", map.oneOf("emit", emitWords))),
    ...optional("late", placed(map, "late", map.oneOf("late", lateWords))),
    ...optional("table", readTable(map.entry("table"), reading)),
    ...optional("top", readTop(map.entry("top"), reading)),
    ...optional("use", use),
    ...optional("with", map.entry("with")?.value),
    ...optional("to", readTo(map.entry("to"), reading)),
  };
}

/** A field that is there only if it has a value: `exactOptionalPropertyTypes` tells the two apart. */
export const optional = <N extends string, V>(name: N, value: V | undefined): { readonly [K in N]?: V } =>
  (value === undefined ? {} : { [name]: value }) as { readonly [K in N]?: V };

const placed = <V>(map: MapReader, name: string, value: V | undefined) =>
  value === undefined ? undefined : { place: map.entry(name)!.place, value };

function readFrom(tree: Tree, { what, report }: Reading): FromSyntax {
  if (tree.kind !== "map") return { kind: "merge", refs: readTexts(tree, `"from" of ${what}`, report) };
  const ports = [...tree.entries].map(
    ([port, { place, value }]) => [port, { place, refs: readTexts(value, `"from.${port}" of ${what}`, report) }] as const,
  );
  return { kind: "ports", ports: new Map(ports) };
}

function readDedupe(entry: TreeEntry | undefined, { what, report }: Reading): NodeSyntax["dedupe"] {
  const map = entry && readMap(entry.value, { known: fieldsOf(dedupeShape), what: `dedupe of ${what}`, report });
  if (map === undefined) return undefined;
  map.required("by");
  map.required("within");
  const by = map.text("by");
  const withinMs = map.durationMs("within");
  const late = map.oneOf("late", lateWords) ?? "drop";
  return by === undefined || withinMs === undefined ? undefined : { place: entry!.place, by, withinMs, late };
}

function readRequire(entry: TreeEntry | undefined, { what, report }: Reading): NodeSyntax["require"] {
  if (entry === undefined) return [];
  const trees = entry.value.kind === "list" ? entry.value.items : [entry.value];
  return trees.flatMap((tree) => {
    const map = readMap(tree, { known: fieldsOf(requireShape), what: `require of ${what}`, report });
    if (map === undefined) return [];
    map.required("that");
    map.required("reason");
    const that = map.text("that");
    const reason = map.text("reason");
    if (reason !== undefined && !isKebab(reason.text)) {
      report("TOPOLOGY_BAD_NAME", reason.place, `"${reason.text}" is no reason: kebab-case, as in "total-mismatch"`);
    }
    return that === undefined || reason === undefined ? [] : [{ that, reason: reason.text }];
  });
}

function readFlatMap(entry: TreeEntry | undefined, { what, report }: Reading): NodeSyntax["flatMap"] {
  const inner = `flatMap of ${what}`;
  const map = entry && readMap(entry.value, { known: fieldsOf(flatMapShape), what: inner, report });
  if (map === undefined) return undefined;
  map.required("each");
  map.required("as");
  const each = map.text("each");
  const as = map.text("as");
  if (as !== undefined && !identifier.test(as.text)) {
    report("TOPOLOGY_BAD_NAME", as.place, `"${as.text}" is no name: letters, digits and _, and no digit first`);
  }
  if (each === undefined || as === undefined) return undefined;
  return {
    place: entry!.place,
    each,
    as: as.text,
    ...optional("select", map.has("select") ? readFields(map.entry("select")!.value, `select in ${inner}`, report) : undefined),
    ...optional("where", map.text("where")),
  };
}

function readBranch(entry: TreeEntry | undefined, { what, report }: Reading): NodeSyntax["branch"] {
  if (entry === undefined) return undefined;
  if (entry.value.kind !== "map" || entry.value.entries.size === 0) {
    report(
      "TOPOLOGY_WRONG_SHAPE",
      entry.value.place,
      `branch of ${what} is a map of names to expressions; the first that holds takes the record`,
    );
    return undefined;
  }
  const cases = [...entry.value.entries].flatMap(([name, { place, value }]) => {
    if (!isKebab(name)) report("TOPOLOGY_BAD_NAME", place, `"${name}" is no name for a branch: kebab-case`);
    const of = readText(value, `branch "${name}" of ${what}`, report);
    return of === undefined ? [] : [{ name, place, of }];
  });
  return { place: entry.place, cases };
}

/** An expression, `{ as, of }`, or a list of them. */
function readKey(entry: TreeEntry | undefined, { what, report }: Reading): NodeSyntax["key"] {
  if (entry === undefined) return undefined;
  const trees = entry.value.kind === "list" ? entry.value.items : [entry.value];
  const parts = trees.flatMap((tree): { as?: string; of: Text }[] => {
    if (tree.kind !== "map") {
      const of = readText(tree, `key of ${what}`, report);
      return of === undefined ? [] : [{ of }];
    }
    const map = readMap(tree, { known: fieldsOf(namedKeyShape), what: `key of ${what}`, report });
    map?.required("as");
    map?.required("of");
    const [as, of] = [map?.text("as"), map?.text("of")];
    if (as !== undefined && !identifier.test(as.text)) {
      report("TOPOLOGY_BAD_NAME", as.place, `"${as.text}" is no name for a column: letters, digits and _, and no digit first`);
      return [];
    }
    return as === undefined || of === undefined ? [] : [{ as: as.text, of }];
  });
  if (trees.length === 0) report("TOPOLOGY_WRONG_SHAPE", entry.value.place, `key of ${what} is an empty list`);
  return parts.length === 0 ? undefined : { place: entry.place, parts };
}

function readWindow(entry: TreeEntry | undefined, { what, report }: Reading): NodeSyntax["window"] {
  const inner = `window of ${what}`;
  const map = entry && readMap(entry.value, { known: fieldsOf(windowShape), what: inner, report });
  if (map === undefined) return undefined;
  map.required("tumbling");
  const sizeMs = map.durationMs("tumbling");
  const graceMs = map.durationMs("grace", 0);
  const retainMs = map.durationMs("retain", 0) ?? 0;
  return sizeMs === undefined
    ? undefined
    : { place: entry!.place, sizeMs, graceMs: map.has("grace") ? (graceMs ?? 0) : undefined, retainMs };
}

function readAggregate(entry: TreeEntry | undefined, { what, report }: Reading): NodeSyntax["aggregate"] {
  if (entry === undefined) return undefined;
  return { place: entry.place, columns: readFields(entry.value, `aggregate of ${what}`, report) };
}

function readTable(entry: TreeEntry | undefined, { what, report }: Reading): NodeSyntax["table"] {
  if (entry === undefined) return undefined;
  const { place, value } = entry;
  if (value.kind === "scalar" && value.value === true) return { place, by: [] };
  if (value.kind === "scalar" && value.value === false) return undefined;
  if (value.kind === "scalar") {
    report("TOPOLOGY_WRONG_SHAPE", value.place, `"table" of ${what} is true, or { by: expressions }`);
    return undefined;
  }
  const map = readMap(value, { known: fieldsOf(tableShape), what: `table of ${what}`, report });
  const by = map?.required("by");
  return by === undefined ? undefined : { place, by: readTexts(by.value, `"by" in table of ${what}`, report) };
}

function readTop(entry: TreeEntry | undefined, { what, report }: Reading): NodeSyntax["top"] {
  const inner = `top of ${what}`;
  const map = entry && readMap(entry.value, { known: fieldsOf(topShape), what: inner, report });
  if (map === undefined) return undefined;
  map.required("limit");
  const [by, each] = [map.required("by"), map.entry("each")];
  const limit = map.count("limit", mostRanks);
  if (by === undefined || limit === undefined) return undefined;
  return {
    place: entry!.place,
    limit,
    by: readTexts(by.value, `"by" in ${inner}`, report).map((text) => {
      const match = /^(.*\S)\s+(asc|desc)\s*$/s.exec(text.text);
      return match === null ? { of: text, descending: false } : { of: { ...text, text: match[1]! }, descending: match[2] === "desc" };
    }),
    each: each === undefined ? [] : readTexts(each.value, `"each" in ${inner}`, report),
  };
}

function readTo(entry: TreeEntry | undefined, { what, report }: Reading): NodeSyntax["to"] {
  if (entry === undefined) return undefined;
  const { value } = entry;
  if (value.kind !== "map") {
    const topic = readText(value, `"to" of ${what}`, report);
    return topic === undefined ? undefined : { kind: "one", topic };
  }
  const ports = [...value.entries].flatMap(([port, { place, value: tree }]) => {
    const topic = readText(tree, `"to.${port}" of ${what}`, report);
    return topic === undefined ? [] : [[port, { place, topic }] as const];
  });
  return { kind: "ports", ports: new Map(ports) };
}
