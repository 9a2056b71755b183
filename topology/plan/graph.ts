import { deadLetterTopicOf, type Plan, storeIdOf } from "@millrace/engine";
import type { Elaboration } from "../check/elaboration.ts";
import type { Part } from "../streams/part.ts";
import type { Origin } from "../streams/stream.ts";
import type { Group } from "./grouping.ts";
import type { QueryPlan } from "./query-plan.ts";

/** A vertex by name: nodes and topics may be called alike. */
export type GraphRef = `node:${string}` | `topic:${string}`;

export type GraphNode = {
  readonly id: string;
  /** The node of the file that it is a part of: a change of key is a part of its own, `<node>.key`. */
  readonly of: string;
  readonly subTopology: string;
  /** Its steps in the words of the file. */
  readonly does: readonly string[];
  /** The settings of a processor as the file writes them, but for values of the environment. */
  readonly settings?: NonNullable<Part["settings"]>;
  readonly keeps: readonly { readonly store: string; readonly kind: "key-value" | "window" }[];
  readonly writes: readonly string[];
  /** The name by which its rows are asked for, where they can be. */
  readonly query?: string;
  /** Topics of the topology itself in front of it, each of which waits for a commit. */
  readonly hops: number;
};

/** `events` of one type, `records` of the topology's own, or a `repartition` between the two sides of a change of key. */
export type GraphTopic = {
  readonly name: string;
  readonly partitions: number;
  readonly kind: "events" | "records" | "repartition";
  readonly eventType?: string;
  /** Where what leaves by its readers' dead letters lies; topics that nobody here reads have none. */
  readonly deadLetters?: string;
  /** What leaves the log from here. */
  readonly sinks?: readonly { readonly name: string; readonly kind: string }[];
};

/** What goes along `hop` waits for a commit of this topology. */
export type GraphEdge = {
  readonly from: GraphRef;
  readonly to: GraphRef;
  /** Where the processor has several. */
  readonly output?: string;
  readonly port?: string;
  readonly hop: boolean;
};

/** A compiled plan for whoever draws it; plain data. */
export type TopologyGraph = {
  readonly topology: string;
  readonly subTopologies: readonly { readonly id: string; readonly partitions: number; readonly reads: readonly string[] }[];
  readonly nodes: readonly GraphNode[];
  readonly topics: readonly GraphTopic[];
  readonly edges: readonly GraphEdge[];
  /** Every vertex once, behind all that lead to it, unless they run in a circle. */
  readonly order: readonly GraphRef[];
};

type Described = {
  readonly groups: readonly Group[];
  readonly partitionsOf: (topicOrGroup: string) => number;
  readonly plan: Plan;
  readonly queries: readonly QueryPlan[];
};

/** The plan as vertices and edges: what `describeTopology` says in words. [TV1] */
export function graphOf(elaboration: Elaboration, { groups, partitionsOf, plan, queries }: Described): TopologyGraph {
  const { parts, repartitions, topics: known, deliveries } = elaboration;
  const read = new Set([...groups.flatMap(({ topics }) => topics), ...deliveries.map(({ topic }) => topic)]);
  const sinks = Map.groupBy(deliveries, ({ topic }) => topic);
  const written = new Set(parts.flatMap(({ sinks }) => sinks.map(({ topic }) => topic)));
  const changesOfKey = new Set(repartitions.map(({ topic }) => topic));
  const named = new Set(queries.map(({ name }) => name));
  const plans = new Map(plan.subTopologies.flatMap(({ nodes }) => nodes.map((node) => [node.id, node] as const)));
  const edges = parts.flatMap((part) => edgesOf(part, { written, outputs: plans.get(part.id)!.processor.outputs.length }));
  const nodes = groups.flatMap((group) =>
    group.parts.map((part): GraphNode => ({
      id: part.id,
      of: part.node,
      subTopology: group.id,
      does: part.does,
      ...(part.settings === undefined ? {} : { settings: part.settings }),
      keeps: Object.entries(plans.get(part.id)!.processor.stores).map(([name, { kind }]) => ({ store: storeIdOf(part.id, name), kind })),
      writes: [...new Set(part.sinks.map(({ topic }) => topic))],
      ...(named.has(part.id) ? { query: part.id } : {}),
      hops: part.hops,
    })),
  );
  const topics = [...new Set([...read, ...written])].sort().map((name): GraphTopic => {
    const holds = known.get(name)?.holds;
    const event = holds?.kind === "event" ? holds.event : elaboration.written.get(name)?.event;
    return {
      name,
      partitions: partitionsOf(name),
      kind: changesOfKey.has(name) ? "repartition" : event === undefined ? "records" : "events",
      ...(event === undefined ? {} : { eventType: event }),
      ...(read.has(name) ? { deadLetters: deadLetterTopicOf(name) } : {}),
      ...(sinks.has(name) ? { sinks: sinks.get(name)!.map((sink) => ({ name: sink.name, kind: sink.kind })) } : {}),
    };
  });
  const refs = [...parts.map(({ id }) => nodeRef(id)), ...topics.map(({ name }) => topicRef(name))];
  return {
    topology: elaboration.topology,
    subTopologies: groups.map(({ id, topics: reads }) => ({ id, partitions: partitionsOf(id), reads })),
    nodes,
    topics,
    edges,
    order: orderOf(refs, edges),
  };
}

const nodeRef = (id: string): GraphRef => `node:${id}`;
const topicRef = (name: string): GraphRef => `topic:${name}`;
const originRef = (origin: Origin): GraphRef => (origin.kind === "topic" ? topicRef(origin.topic) : nodeRef(origin.part));

function edgesOf(part: Part, { written, outputs }: { readonly written: ReadonlySet<string>; readonly outputs: number }): GraphEdge[] {
  const ports = [...part.inputs];
  const reading = ports.flatMap(([port, { origins }]) =>
    [...new Map(origins.map((origin) => [JSON.stringify(origin), origin])).values()].map((origin): GraphEdge => ({
      from: originRef(origin),
      to: nodeRef(part.id),
      ...(origin.kind === "part" && origin.output !== "out" ? { output: origin.output } : {}),
      ...(ports.length > 1 ? { port } : {}),
      hop: origin.kind === "topic" && written.has(origin.topic),
    })),
  );
  const writing = part.sinks.map(({ output, topic }): GraphEdge => ({
    from: nodeRef(part.id),
    to: topicRef(topic),
    ...(outputs > 1 ? { output } : {}),
    hop: false,
  }));
  return [...reading, ...writing];
}

function orderOf(refs: readonly GraphRef[], edges: readonly GraphEdge[]): readonly GraphRef[] {
  const before = Map.groupBy(edges, ({ to }) => to);
  const order = new Set<GraphRef>();
  const visited = new Set<GraphRef>();
  const visit = (ref: GraphRef): void => {
    if (visited.has(ref)) return;
    visited.add(ref);
    for (const { from } of before.get(ref) ?? []) visit(from);
    order.add(ref);
  };
  for (const ref of refs) visit(ref);
  return [...order];
}
