import { nearest } from "#topology/did-you-mean.ts";
import type { TopologyGraph } from "#topology/plan/graph.ts";
import type { QueryProblem } from "../problem.ts";
import type { DeadLetterRequest } from "./dead-letters.ts";

/** Letters of one answer: what is given unasked, and the most that is given. */
export const lettersShown = { default: 20, most: 100 } as const;

const known = ["node", "topic", "limit"] as const;

/** `of`: what was asked for, for the answer. */
export type DeadLetterQuestion =
  | { readonly kind: "question"; readonly request: DeadLetterRequest; readonly of: { readonly node?: string; readonly topic?: string } }
  | { readonly kind: "problem"; readonly problem: QueryProblem };

/** Reads `?node=` or `?topic=`, of all nodes where neither is said, and `?limit=`; the first mistake is told with what would be right. */
export function parseDeadLetterQuestion(graph: TopologyGraph, parameters: URLSearchParams): DeadLetterQuestion {
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
  if (node !== null && topic !== null)
    return refuse("invalid-parameter", '"node" and "topic" do not go together: a node\'s letters lie with the topics that it reads', {
      parameter: "topic",
    });
  if (node !== null) return ofNode(node, { graph, limit });
  if (topic !== null) return ofTopic(topic, { graph, limit });
  return question(graph.topics, { node: undefined, limit }, {});
}

type Asked = { readonly graph: TopologyGraph; readonly limit: number };

function ofNode(id: string, { graph, limit }: Asked): DeadLetterQuestion {
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
    { node: id, limit },
    { node: id },
  );
}

function ofTopic(name: string, { graph, limit }: Asked): DeadLetterQuestion {
  const read = graph.topics.filter(({ deadLetters }) => deadLetters !== undefined);
  const topic = read.find((one) => one.name === name);
  if (topic === undefined)
    return unknown(
      "topic",
      name,
      read.map((one) => one.name),
    );
  return question([topic], { node: undefined, limit }, { topic: name });
}

function question(
  topics: TopologyGraph["topics"],
  { node, limit }: Pick<DeadLetterRequest, "node" | "limit">,
  of: { readonly node?: string; readonly topic?: string },
): DeadLetterQuestion {
  const aside = topics.flatMap(({ deadLetters, partitions }) => (deadLetters === undefined ? [] : [{ name: deadLetters, partitions }]));
  return { kind: "question", request: { topics: aside, node, limit }, of };
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
