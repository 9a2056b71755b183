import { nearest } from "#topology/did-you-mean.ts";
import type { TopologyGraph } from "#topology/plan/graph.ts";
import type { QueryProblem } from "../problem.ts";
import { parseLetterFilter, type SaidFilter } from "../letters/parse-letter-filter.ts";
import { type DeadLetterRequest, type LetterState, letterStates } from "./dead-letters.ts";

/** Letters of one answer: what is given unasked, and the most that is given. */
export const lettersShown = { default: 20, most: 100 } as const;

const known = ["node", "topic", "reason", "from", "to", "state", "limit"] as const;

/** `of`: what was asked for, for the answer. */
export type DeadLetterQuestion =
  | { readonly kind: "question"; readonly request: DeadLetterRequest; readonly of: { readonly node?: string; readonly topic?: string } }
  | { readonly kind: "problem"; readonly problem: QueryProblem };

/**
 * Reads `?node=` and `?topic=` (of all nodes and topics where neither is said), `?reason=`, `?from=`, `?to=`, `?state=` and `?limit=`; the first mistake is told with what
 * would be right.
 */
export function parseDeadLetterQuestion(graph: TopologyGraph, parameters: URLSearchParams, nowMs: number): DeadLetterQuestion {
  for (const name of new Set(parameters.keys())) {
    if (!(known as readonly string[]).includes(name))
      return refuse("unknown-filter", `there is no parameter "${name.slice(0, 64)}"`, { parameters: known });
    if (parameters.getAll(name).length > 1) return refuse("invalid-parameter", `"${name}" is given twice`, { parameter: name });
  }
  const limit = limitOf(parameters.get("limit"));
  if (limit === undefined)
    return refuse("invalid-parameter", `"limit" is a whole number from 1 to ${lettersShown.most}`, { parameter: "limit" });
  const node = parameters.get("node");
  const topic = parameters.get("topic");
  const state = parameters.get("state") ?? "all";
  if (!(letterStates as readonly string[]).includes(state))
    return refuse("invalid-parameter", `"state" is one of ${letterStates.join(", ")}`, { parameter: "state" });
  const bounds = parseLetterFilter(graph, boundsIn(parameters), nowMs);
  if (bounds.kind === "problem") return bounds;
  const { fromMs, toMs } = bounds.filter;
  const of = { limit, state: state as LetterState, reason: parameters.get("reason") ?? undefined, fromMs, toMs };
  if (topic !== null) return ofTopic(topic, { graph, of, node: node ?? undefined });
  if (node !== null) return ofNode(node, { graph, of });
  return question(graph.topics, { node: undefined, ...of }, {});
}

function boundsIn(parameters: URLSearchParams): SaidFilter {
  const said: SaidFilter = {};
  for (const name of ["from", "to"] as const) if (parameters.has(name)) said[name] = parameters.get(name)!;
  return said;
}

type Of = Omit<DeadLetterRequest, "topics" | "node">;
type Asked = { readonly graph: TopologyGraph; readonly of: Of };

function ofNode(id: string, { graph, of }: Asked): DeadLetterQuestion {
  const node = graph.nodes.find((one) => one.id === id);
  if (node === undefined)
    return unknown(
      "node",
      id,
      graph.nodes.map((one) => one.id),
    );
  const { reads } = graph.subTopologies.find((one) => one.id === node.subTopology)!;
  return question(
    graph.topics.filter(({ name }) => reads.includes(name)),
    { node: id, ...of },
    { node: id },
  );
}

function ofTopic(name: string, { graph, of, node }: Asked & { readonly node: string | undefined }): DeadLetterQuestion {
  const read = graph.topics.filter(({ deadLetters }) => deadLetters !== undefined);
  const topic = read.find((one) => one.name === name || one.deadLetters === name);
  if (topic === undefined)
    return unknown(
      "topic",
      name,
      read.map((one) => one.name),
    );
  return question([topic], { node, ...of }, { ...(node === undefined ? {} : { node }), topic: topic.name });
}

function question(
  topics: TopologyGraph["topics"],
  asked: Omit<DeadLetterRequest, "topics">,
  of: { readonly node?: string; readonly topic?: string },
): DeadLetterQuestion {
  const aside = topics.flatMap(({ deadLetters, partitions }) => (deadLetters === undefined ? [] : [{ name: deadLetters, partitions }]));
  return { kind: "question", request: { topics: aside, ...asked }, of };
}

function limitOf(text: string | null): number | undefined {
  if (text === null) return lettersShown.default;
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  return limit >= 1 && limit <= lettersShown.most ? limit : undefined;
}

function unknown(what: "node" | "topic", name: string, names: readonly string[]): DeadLetterQuestion {
  const [near] = nearest(name.slice(0, 128), names);
  const hint = near === undefined ? "" : `; did you mean "${near}"?`;
  return refuse(what === "node" ? "unknown-node" : "unknown-topic", `there is no ${what} "${name.slice(0, 128)}"${hint}`, {
    parameter: what,
    ...(near === undefined ? {} : { didYouMean: near }),
  });
}

const refuse = (slug: QueryProblem["slug"], detail: string, more: Readonly<Record<string, unknown>>): DeadLetterQuestion => ({
  kind: "problem",
  problem: { slug, detail, more },
});
