import { fieldsOf } from "../shape/file-shape.ts";
import { breakerShape, mostAttempts, retryShape, sinkSettings, sinkShape } from "../shape/sink-shape.ts";
import type { Report } from "../topology-error.ts";
import { type MapReader, readMap } from "./map-reader.ts";
import { isKebab, optional } from "./node-reader.ts";
import { type SinkKind, sinkKinds, type SinkSyntax } from "./syntax.ts";
import type { Tree, TreeEntry } from "./yaml-tree.ts";

/** Reads `sinks:`; what is wrong in one is reported, and that one is left out. */
export function readSinks(tree: Tree | undefined, report: Report): readonly SinkSyntax[] {
  if (tree === undefined) return [];
  if (tree.kind !== "map") {
    report("TOPOLOGY_WRONG_SHAPE", tree.place, `"sinks" is a map of sinks by their names`);
    return [];
  }
  return [...tree.entries].flatMap(([name, entry]) => readSink(name, entry, report) ?? []);
}

function readSink(name: string, { place, value }: TreeEntry, report: Report): SinkSyntax | undefined {
  const what = `sink "${name}"`;
  if (!isKebab(name)) report("TOPOLOGY_BAD_NAME", place, `"${name}" is no name for a sink: kebab-case, as in "low-stock-mails"`);
  const map = readMap(value, { known: fieldsOf(sinkShape), what, report });
  if (map === undefined) return undefined;
  map.required("from");
  const from = map.text("from");
  const kind = readKind(map, { what, report });
  const given = kind && readMap(map.entry(kind)!.value, { known: fieldsOf(sinkSettings[kind]), what: `${kind} of ${what}`, report });
  const retry = readPauses(map.entry("retry"), { what: `retry of ${what}`, count: "attempts", known: fieldsOf(retryShape), report });
  const breaker = readPauses(map.entry("breaker"), {
    what: `breaker of ${what}`,
    count: "failures",
    known: fieldsOf(breakerShape),
    report,
  });
  const timeoutMs = map.durationMs("timeout");
  if (from === undefined || kind === undefined || given === undefined) return undefined;
  return {
    name,
    place,
    from,
    kind,
    settings: given,
    ...optional("where", map.text("where")),
    retry: { ...optional("attempts", retry.count), ...retry.pauses },
    breaker: { ...optional("failures", breaker.count), ...breaker.pauses },
    ...optional("timeout", timeoutMs === undefined ? undefined : { place: map.entry("timeout")!.place, ms: timeoutMs }),
  };
}

function readKind(map: MapReader, { what, report }: { readonly what: string; readonly report: Report }): SinkKind | undefined {
  const [kind, second] = sinkKinds.filter((one) => map.has(one));
  if (kind === undefined) {
    const kinds = sinkKinds.map((one) => `"${one}"`).join(", ");
    report("TOPOLOGY_MISSING_FIELD", map.place, `${what} does not say where its records go: one of ${kinds}`);
  } else if (second !== undefined) {
    const place = map.entry(second)!.place;
    report(
      "TOPOLOGY_STEP_CONFLICT",
      place,
      `${what} goes to ${kind} and to ${second}: each way out is a sink of its own, with its own place`,
    );
  }
  return kind;
}

type Pauses = { readonly pauseMs?: number; readonly mostMs?: number };

/** `{ attempts | failures, pause, most }`: pauses double from `pause` up to `most`. */
function readPauses(
  entry: TreeEntry | undefined,
  {
    what,
    count,
    known,
    report,
  }: { readonly what: string; readonly count: string; readonly known: readonly string[]; readonly report: Report },
): { readonly count: number | undefined; readonly pauses: Pauses } {
  const map = entry && readMap(entry.value, { known, what, report });
  if (map === undefined) return { count: undefined, pauses: {} };
  const [pauseMs, mostMs] = [map.durationMs("pause"), map.durationMs("most")];
  if (pauseMs !== undefined && mostMs !== undefined && mostMs < pauseMs) {
    report("TOPOLOGY_BAD_VALUE", map.entry("most")!.place, `"most" of ${what} is the longest pause, and cannot be less than the first`);
  }
  return { count: map.count(count, mostAttempts), pauses: { ...optional("pauseMs", pauseMs), ...optional("mostMs", mostMs) } };
}
