import type { GraphEdge, GraphNode, GraphRef, GraphTopic, TopologyGraph } from "#topology/plan/graph.ts";

/** Steps have no more characters in a box; the whole of them stands in its title. */
const mostCharacters = 44;

/** What stands in the box of a node: its name, then its steps, those that are long cut. */
export const nodeLines = ({ id, does }: GraphNode): readonly string[] => [id, ...does.map(shortened)];

/** What stands in the box of a topic. */
export const topicLines = ({ name, kind, eventType }: GraphTopic): readonly string[] =>
  kind === "repartition" ? ["change of key"] : [name, eventType === undefined ? "records" : `events ${eventType}`];

const shortened = (step: string): string => (step.length <= mostCharacters ? step : `${step.slice(0, mostCharacters - 1).trimEnd()}…`);

/** What is said of an edge on the drawing: which output it leaves by and which input it takes, where there are several. */
export const edgeLabel = ({ output, port }: GraphEdge): string =>
  output === undefined ? (port ?? "") : port === undefined || port === output ? output : `${output} → ${port}`;

/** Edges of a change of key. */
export function isHop({ from, to }: GraphEdge, { topics }: TopologyGraph): boolean {
  const name = from.startsWith("topic:") ? from : to;
  return topics.some((topic) => topic.kind === "repartition" && `topic:${topic.name}` === name);
}

export const titleOf = ({ topology }: TopologyGraph): string => `Topology ${topology}`;

/** The whole graph in sentences, in the order of the records: for those who do not see the drawing. */
export function wordsOf(graph: TopologyGraph): string {
  const { nodes, topics, edges, order, subTopologies } = graph;
  const nodeOf = new Map<GraphRef, GraphNode>(nodes.map((node) => [`node:${node.id}`, node]));
  const kinds = new Map<GraphRef, GraphTopic>(topics.map((topic) => [`topic:${topic.name}`, topic]));
  const nameOf = (ref: GraphRef): string => {
    const name = ref.slice(ref.indexOf(":") + 1);
    return ref.startsWith("node:") ? name : kinds.get(ref)?.kind === "repartition" ? "its change of key" : `topic ${name}`;
  };
  const listed = (refs: readonly GraphRef[]): string => [...new Set(refs.map(nameOf))].join(", ");
  const sentences = order.flatMap((ref) => {
    const node = nodeOf.get(ref);
    if (node === undefined) return [];
    const reads = listed(edges.filter(({ to }) => to === ref).map(({ from }) => from));
    const writes = edges.filter(({ from, to }) => from === ref && to.startsWith("topic:")).map(({ to }) => to);
    const does = node.does.length === 0 ? "" : `: ${node.does.join("; ")}`;
    return [`${node.id} reads ${reads}${does}${writes.length === 0 ? "" : `; writes ${listed(writes)}`}.`];
  });
  const events = topics.filter(({ kind }) => kind !== "repartition").length;
  return [`${nodes.length} nodes in ${subTopologies.length} sub-topologies, ${events} topics.`, ...sentences].join(" ");
}
