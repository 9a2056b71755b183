import type { BoundProcessor } from "#operators/node.ts";
import {
  deadLetterTopicOf,
  repartitionTopicOf,
  type NodePlan,
  type Plan,
  type SinkPlan,
  type SourcePlan,
  type Target,
} from "#task/plan.ts";
import { jsonCodec } from "./json-codec.ts";

/** One sub-topology of a test: nodes by id, and which topics and nodes each reads (`a` or, for an output that is not `out`, `a.late`). */
export type TestSubTopology = {
  readonly nodes: Readonly<
    Record<string, { readonly processor: BoundProcessor; readonly from: Readonly<Record<string, readonly string[]>> }>
  >;
  /** Sinks by topic: the output they take, `repartition` when the key is to meet others. */
  readonly to: Readonly<Record<string, { readonly from: string; readonly kind: SinkPlan["kind"] }>>;
};

/** Sub-topologies by id; whatever topic none of them writes comes from outside. Values are JSON, what a sink writes is `{ value, window? }`. */
export type TestTopology = Readonly<Record<string, TestSubTopology>>;

/** What a sink of a test plan wrote. */
export type Written = { readonly value: unknown; readonly window?: { readonly start: number; readonly end: number } };

/** One node `node` alone, its inputs read from topics of their names, its outputs written to topics of theirs. */
export function nodePlan(processor: BoundProcessor, partitions = 1): Plan {
  return testPlan(
    {
      one: {
        nodes: { node: { processor, from: Object.fromEntries(processor.inputs.map((port) => [port, [port]])) } },
        to: Object.fromEntries(processor.outputs.map((output) => [output, { from: `node.${output}`, kind: "topic" }])),
      },
    },
    partitions,
  );
}

/** Node `first` reads topic `in`, node `second` what it wrote, behind a repartition, and writes topic `out`. */
export function twoTaskPlan(first: BoundProcessor, second: BoundProcessor, partitions = 1): Plan {
  const between = repartitionTopicOf("test", "first");
  return testPlan(
    {
      one: { nodes: { first: { processor: first, from: { in: ["in"] } } }, to: { [between]: { from: "first.out", kind: "repartition" } } },
      two: { nodes: { second: { processor: second, from: { in: [between] } } }, to: { out: { from: "second.out", kind: "topic" } } },
    },
    partitions,
  );
}

/** Wires the sub-topologies by the names of topics. */
export function testPlan(topology: TestTopology, partitions = 1): Plan {
  const entries = Object.entries(topology);
  const writers = new Map(entries.flatMap(([id, { to }]) => Object.entries(to).map(([topic, { kind }]) => [topic, { id, kind }] as const)));
  const topics = new Set(writers.keys());
  const subTopologies = entries.map(([id, { nodes, to }]) => {
    const targets = targetsOf(nodes);
    const sources = [...targets.keys()].filter((name) => !(name.split(".")[0]! in nodes));
    for (const topic of sources) topics.add(topic).add(deadLetterTopicOf(topic));
    return {
      id,
      partitions,
      sources: sources.map((topic): SourcePlan => {
        const writer = writers.get(topic);
        return {
          topic,
          decode: (bytes) => decode(bytes, writer !== undefined),
          to: targets.get(topic)!,
          upstream: writer?.kind === "repartition" ? [writer.id] : [],
        };
      }),
      nodes: Object.entries(nodes).map(([node, { processor }]): NodePlan => ({
        id: node,
        processor,
        outputs: Object.fromEntries(
          processor.outputs.map((output) => [
            output,
            {
              to: targets.get(output === "out" ? node : `${node}.${output}`) ?? [],
              sinks: Object.keys(to).filter((topic) => to[topic]!.from === `${node}.${output}`),
            },
          ]),
        ),
      })),
      sinks: Object.entries(to).map(([topic, { kind }]): SinkPlan => ({
        id: topic,
        topic,
        partitions,
        kind,
        key: (_value, { key }) => key,
        encode: (value, { windowStart: start, windowEnd: end }) =>
          jsonCodec.encode({ value, ...(start < 0 ? {} : { window: { start, end } }) }),
      })),
    };
  });
  return { name: "test", topics: [...topics].map((name) => ({ name, partitions, retention: { kind: "forever" } })), subTopologies };
}

function targetsOf(nodes: TestSubTopology["nodes"]): Map<string, Target[]> {
  const targets = new Map<string, Target[]>();
  for (const [node, { from }] of Object.entries(nodes)) {
    for (const [port, names] of Object.entries(from)) {
      for (const name of names) targets.set(name, [...(targets.get(name) ?? []), { node, port }]);
    }
  }
  return targets;
}

function decode(bytes: Uint8Array | null, written: boolean): unknown {
  if (bytes === null) return null;
  const value = jsonCodec.decode(bytes);
  return written ? (value as Written).value : value;
}
