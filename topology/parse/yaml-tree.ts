import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type ParsedNode, parseDocument } from "yaml";
import type { Place, Report } from "../topology-error.ts";

/** A YAML file as values with places: aliases are resolved, and every key is a string. The only file that knows the YAML library. */
export type Tree = TreeMap | TreeList | TreeScalar;
export type TreeMap = { readonly kind: "map"; readonly place: Place; readonly entries: ReadonlyMap<string, TreeEntry> };
export type TreeEntry = { readonly place: Place; readonly value: Tree };
export type TreeList = { readonly kind: "list"; readonly place: Place; readonly items: readonly Tree[] };
export type TreeScalar = {
  readonly kind: "scalar";
  readonly place: Place;
  readonly value: string | number | boolean | null;
  /** The text as it is written, quotes and escapes resolved. */
  readonly text: string;
  /** The place of a character of `text`. */
  readonly at: (offset: number) => Place;
};

/** Reads a file, or nothing where it is no YAML: the first fault of syntax is reported, and every name that is there twice. */
export function readYaml(text: string, file: string, report: Report): Tree | undefined {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false, merge: true, strict: true });
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(Math.min(offset, text.length));
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const errors = [...document.errors, ...document.warnings];
  for (const { pos } of errors.filter(({ code }) => code === "DUPLICATE_KEY")) {
    const name = /^[^\s:]+/.exec(text.slice(pos[0]))?.[0] ?? "";
    report("TOPOLOGY_DUPLICATE_NAME", placeAt(pos[0]), `"${name}" is there twice; rename one`);
  }
  // Behind the first of these nothing can be trusted, and the rest are echoes of it.
  const [first] = errors.filter(({ code }) => code !== "DUPLICATE_KEY");
  if (first !== undefined) {
    report("TOPOLOGY_NOT_YAML", placeAt(first.pos[0]), `${plain(first.message)}; the rest is checked once this can be read`);
    return undefined;
  }
  return toTree(document.contents, { document, text, placeAt, report, open: new Set(), pointer: "" });
}

type Reading = {
  readonly document: Document.Parsed;
  readonly text: string;
  readonly placeAt: (offset: number) => Place;
  readonly report: Report;
  /** Nodes being read, since an alias may stand inside of its own anchor. */
  readonly open: Set<unknown>;
  /** Of the node being read. */
  readonly pointer: string;
};

/** The same, one step further down: places then have the pointer of that. */
function below(reading: Reading, name: string | number): Reading {
  const pointer = `${reading.pointer}/${String(name).replaceAll("~", "~0").replaceAll("/", "~1")}`;
  return { ...reading, pointer };
}

const placeIn = ({ placeAt, pointer }: Reading, offset: number): Place => ({ ...placeAt(offset), pointer });

const plain = (message: string): string => message.charAt(0).toLowerCase() + message.slice(1);

function toTree(node: ParsedNode | null, reading: Reading, offset = 0): Tree {
  const { document, report, open } = reading;
  const place = placeIn(reading, node?.range[0] ?? offset);
  if (node === null) return empty(place);
  if (isAlias(node)) {
    const resolved = node.resolve(document) as ParsedNode | undefined;
    if (resolved === undefined || open.has(resolved)) {
      report("TOPOLOGY_NOT_YAML", place, `alias "*${node.source}" has no anchor before it`);
      return empty(place);
    }
    return toTree(resolved, reading);
  }
  open.add(node);
  try {
    if (isMap(node)) {
      const entries = new Map<string, TreeEntry>();
      for (const pair of node.items) {
        const { key } = pair;
        if (!isScalar(key)) {
          report("TOPOLOGY_WRONG_SHAPE", placeIn(reading, key.range[0]), "a name is plain text");
          continue;
        }
        const name = typeof key.value === "string" ? key.value : (key.source ?? "");
        if (name === "<<") {
          const merged = toTree(pair.value, reading, key.range[2]);
          for (const map of merged.kind === "list" ? merged.items : [merged]) {
            if (map.kind !== "map") report("TOPOLOGY_WRONG_SHAPE", placeIn(reading, key.range[0]), `"<<" merges maps`);
            else for (const [inherited, entry] of map.entries) if (!entries.has(inherited)) entries.set(inherited, entry);
          }
          continue;
        }
        const inner = below(reading, name);
        entries.set(name, { place: placeIn(inner, key.range[0]), value: toTree(pair.value, inner, key.range[2]) });
      }
      return { kind: "map", place, entries };
    }
    if (isSeq(node)) {
      const items = node.items.map((item, i) => toTree(item as ParsedNode, below(reading, i), node.range[0]));
      return { kind: "list", place, items };
    }
    if (isScalar(node)) return toScalar(node, place, reading);
    report("TOPOLOGY_NOT_YAML", place, "this is neither a map, a list nor a value");
    return empty(place);
  } finally {
    open.delete(node);
  }
}

function toScalar(node: Extract<ParsedNode, { value: unknown }>, place: Place, reading: Reading): TreeScalar {
  const { text } = reading;
  const placeAt = (offset: number): Place => placeIn(reading, offset);
  const { value } = node;
  const [start] = node.range;
  // A block's text begins on the line below its sign, behind the indentation.
  const isBlock = node.type === "BLOCK_FOLDED" || node.type === "BLOCK_LITERAL";
  const isQuoted = node.type === "QUOTE_DOUBLE" || node.type === "QUOTE_SINGLE";
  const firstLine = isBlock ? text.indexOf("\n", start) + 1 : start;
  const indent = isBlock ? (/^[ ]*/.exec(text.slice(firstLine))?.[0].length ?? 0) : 0;
  const at = (offset: number): Place => {
    if (!isBlock) return placeAt(start + (isQuoted ? 1 : 0) + offset);
    let from = firstLine;
    let left = offset;
    for (;;) {
      const end = text.indexOf("\n", from);
      const length = (end < 0 ? text.length : end) - from - indent;
      if (left <= length || end < 0) return placeAt(from + indent + Math.max(0, left));
      left -= Math.max(length, 0) + 1;
      from = end + 1;
    }
  };
  const written = node.source ?? "";
  const known = typeof value === "string" || typeof value === "number" || typeof value === "boolean" || value === null ? value : written;
  return { kind: "scalar", place, value: known, text: typeof value === "string" ? value : written, at };
}

const empty = (place: Place): TreeScalar => ({ kind: "scalar", place, value: null, text: "", at: () => place });
