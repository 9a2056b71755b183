import type { TopicSpec } from "#broker/broker.ts";
import type { BoundProcessor } from "#operators/node.ts";
import type { CurrentRecord } from "#operators/context.ts";

/** A compiled topology, complete: what a worker runs and the test driver runs alike. Names are ids; none is derived from a position. */
export type Plan = {
  readonly name: string;
  /** Every topic that is read or written, internal ones and dead letters too. */
  readonly topics: readonly TopicSpec[];
  readonly subTopologies: readonly SubTopologyPlan[];
};

/** Nodes that share tasks: task p reads partition p of every source. Nodes are listed so that each comes behind those it reads from. */
export type SubTopologyPlan = {
  readonly id: string;
  readonly partitions: number;
  readonly sources: readonly SourcePlan[];
  readonly nodes: readonly NodePlan[];
  readonly sinks: readonly SinkPlan[];
};

export type Target = { readonly node: string; readonly port: string };

export type SourcePlan = {
  readonly topic: string;
  /** `value` is a view into the fetched frame: copy what is kept. @throws {RecordError} `undecodable` and the like: dead-lettered on the spot */
  readonly decode: (value: Uint8Array | null) => unknown;
  /** The same of a value where it lies, for decoders that need no view: it costs as much as some fields. `decode` is asked for null alone then. */
  readonly decodeAt?: (bytes: Uint8Array, from: number, end: number) => unknown;
  readonly to: readonly Target[];
  /** Sub-topologies whose tasks write this topic and tell it their time; empty for topics written from outside. */
  readonly upstream: readonly string[];
};

export type NodePlan = {
  readonly id: string;
  readonly processor: BoundProcessor;
  /** For each output of the processor: the nodes and the sinks that take it. */
  readonly outputs: Readonly<Record<string, { readonly to: readonly Target[]; readonly sinks: readonly string[] }>>;
};

export type SinkPlan = {
  /** Unique in its sub-topology, e.g. the id of the node whose edge it is. */
  readonly id: string;
  readonly topic: string;
  readonly partitions: number;
  /** Repartition topics carry the tasks' marks of time. */
  readonly kind: "repartition" | "topic";
  /** The key of the written record; null is dropped and counted (`null-key`) by a repartition, written as null by a topic. */
  readonly key: (value: unknown, record: Readonly<CurrentRecord>) => string | null;
  /** Bytes of the value; they may lie in a buffer that the next call reuses. */
  readonly encode: (value: unknown, record: Readonly<CurrentRecord>) => Uint8Array | null;
};

/** Whether what a node emits comes to a repartition, through other nodes of its sub-topology or at once. */
export function feedsRepartition(plan: SubTopologyPlan, id: string): boolean {
  const outputs = Object.values(plan.nodes.find((node) => node.id === id)?.outputs ?? {});
  return outputs.some(
    ({ to, sinks }) =>
      plan.sinks.some((sink) => sink.kind === "repartition" && sinks.includes(sink.id)) ||
      to.some(({ node }) => feedsRepartition(plan, node)),
  );
}

export const deadLetterTopicOf = (topic: string): string => `${topic}.dlq`;
export const repartitionTopicOf = (topology: string, node: string): string => `${topology}-${node}-repartition`;
export const groupOf = (topology: string): string => `${topology}-consumer-group`;
