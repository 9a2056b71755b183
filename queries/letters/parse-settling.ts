import { type LetterPlace, parseLetterName, type SettleRequest } from "@millrace/engine";
import { z } from "zod";
import type { TopologyGraph } from "#topology/plan/graph.ts";
import type { QueryProblem } from "../problem.ts";
import { parseLetterFilter } from "./parse-letter-filter.ts";

/** Letters of one request: unasked, and at most. A client goes on while the answer is not `complete`. */
export const settledAtOnce = { default: 1000, most: 10_000 } as const;
const text = z.string().min(1).max(500);

const body = z.strictObject({
  letters: z.array(z.string().max(300)).min(1).max(1000).optional(),
  topic: text.optional(),
  node: text.optional(),
  reason: text.optional(),
  from: text.optional(),
  to: text.optional(),
  all: z.literal(true).optional(),
  dryRun: z.boolean().default(false),
  limit: z.int().min(1).max(settledAtOnce.most).default(settledAtOnce.default),
  by: text,
  why: text.optional(),
});

export type Settling =
  | { readonly kind: "request"; readonly request: SettleRequest }
  | { readonly kind: "problem"; readonly problem: QueryProblem };

export type SettlingAsked = {
  readonly graph: TopologyGraph;
  readonly action: SettleRequest["action"];
  /** Whose key let them in. */
  readonly key: string;
  readonly nowMs: number;
};

/** Reads the body of a redrive or a drop. Which letters are meant is always said, be it that all are; a drop says why. */
export function parseSettling(json: string, { graph, action, key, nowMs }: SettlingAsked): Settling {
  let said: unknown;
  try {
    said = JSON.parse(json);
  } catch {
    return refuse("the body is no JSON", "body");
  }
  const parsed = body.safeParse(said);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    return refuse(path.length === 0 ? message : `"${path.join(".")}": ${message}`, path.join(".") || "body");
  }
  const { letters, all, dryRun, limit, by, why, ...filters } = parsed.data;
  if (letters === undefined && all === undefined && Object.values(filters).every((value) => value === undefined))
    return refuse("say which letters: letters, topic, node, reason, from or to, or all: true", "all");
  if (action === "drop" && why === undefined) return refuse('a drop says why: "why"', "why");
  const only: LetterPlace[] = [];
  for (const name of letters ?? []) {
    const place = parseLetterName(name);
    if (place === undefined) return refuse(`"${name}" names no letter; one is topic/partition/offset, as lists give it`, "letters");
    only.push(place);
  }
  const given = Object.entries(filters).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const filter = parseLetterFilter(graph, Object.fromEntries(given), nowMs);
  if (filter.kind === "problem") return filter;
  const request = { ...filter.filter, only: letters === undefined ? undefined : only, action, dryRun, limit, by, key, why: why ?? null };
  return { kind: "request", request };
}

const refuse = (detail: string, parameter: string): Settling => ({
  kind: "problem",
  problem: { slug: "invalid-parameter", detail, more: { parameter } },
});
