import type { LetterFilter } from "@millrace/engine";
import { parseTimestamp } from "#schemas/timestamp.ts";
import { nearest } from "#topology/did-you-mean.ts";
import { parseDuration } from "#topology/parse/duration.ts";
import type { TopologyGraph } from "#topology/plan/graph.ts";
import type { QueryProblem } from "../problem.ts";

/** How letters are chosen, as text: each at most once, all of them must fit. */
export const letterFilters = ["topic", "node", "reason", "from", "to"] as const;
export type SaidFilter = Partial<Record<(typeof letterFilters)[number], string>>;

export type ParsedFilter =
  | { readonly kind: "filter"; readonly filter: LetterFilter }
  | { readonly kind: "problem"; readonly problem: QueryProblem };

/** `topic` is one that is read, or that of its letters; `from` and `to` are times, or spans before now (`-30m`). */
export function parseLetterFilter(graph: TopologyGraph, said: SaidFilter, nowMs: number): ParsedFilter {
  const all = graph.topics.flatMap(({ name, deadLetters, partitions }) =>
    deadLetters === undefined ? [] : [{ name, letters: deadLetters, partitions }],
  );
  const { topic, node, reason } = said;
  const asked = all.filter(({ name, letters }) => topic === undefined || topic === name || topic === letters);
  if (asked.length === 0 && topic !== undefined) {
    const [near] = nearest(
      topic.slice(0, 128),
      all.map(({ name }) => name),
    );
    const hint = near === undefined ? "" : `; did you mean "${near}"?`;
    const more = { parameter: "topic", ...(near === undefined ? {} : { didYouMean: near }) };
    return { kind: "problem", problem: { slug: "unknown-topic", detail: `there is no topic "${topic.slice(0, 128)}"${hint}`, more } };
  }
  const bounds: { fromMs?: number; toMs?: number } = {};
  for (const [name, field] of [
    ["from", "fromMs"],
    ["to", "toMs"],
  ] as const) {
    const text = said[name];
    if (text === undefined) continue;
    const bound = boundOf(text, nowMs);
    if (bound === undefined) {
      const detail = `"${name}" is a time (2026-11-22T09:30:00Z) or a span before now (-30m)`;
      return { kind: "problem", problem: { slug: "invalid-parameter", detail, more: { parameter: name } } };
    }
    bounds[field] = bound;
  }
  const topics = asked.map(({ letters: name, partitions }) => ({ name, partitions }));
  return { kind: "filter", filter: { topics, node, reason, ...bounds } };
}

function boundOf(text: string, nowMs: number): number | undefined {
  if (!text.startsWith("-")) return parseTimestamp(text);
  const span = parseDuration(text.slice(1));
  return span === undefined ? undefined : nowMs - span;
}
