import {
  deadLetterTopicOf,
  type NodePlan,
  type Plan,
  type SinkPlan,
  type SourcePlan,
  type SubTopologyPlan,
  type Target,
  type TopicSpec,
} from "@millrace/engine";
import type { Elaboration } from "../check/elaboration.ts";
import type { Part } from "../streams/part.ts";
import { dayMs } from "../check/topic-catalogue.ts";
import { type Group, groupParts } from "./grouping.ts";
import { originName, pathsRead } from "./needs.ts";
import { countPartitions } from "./partition-counts.ts";
import { decoderOf } from "./source-decoder.ts";

/** How long dead letters are kept. */
const deadLetterMs = 30 * dayMs;

/** The groups of a topology with their partitions: all that can be said of a plan before it is made. */
export type Layout = { readonly groups: readonly Group[]; readonly partitionsOf: (topicOrGroup: string) => number };

export function layOut(elaboration: Elaboration): Layout {
  const nodeOf = new Map(elaboration.repartitions.map(({ topic, node }) => [topic, node]));
  const groups = groupParts(elaboration.parts, (topic) => nodeOf.get(topic) ?? topic);
  return { groups, partitionsOf: countPartitions(groups, elaboration, elaboration.report) };
}

/** Makes what a worker runs of a file without mistakes. */
export function makePlan(elaboration: Elaboration, { groups, partitionsOf }: Layout): Plan {
  const read = pathsRead(elaboration.parts);
  const subTopologies = groups.map((group): SubTopologyPlan => {
    const targets = targetsIn(group);
    return {
      id: group.id,
      partitions: partitionsOf(group.id),
      sources: group.topics.map((topic): SourcePlan => {
        const paths = read(topic, (part) => group.parts.includes(part));
        return {
          topic,
          ...decoderOf(topic, paths, elaboration),
          to: targets(originName({ kind: "topic", topic })),
          upstream: groups.filter((other) => writesRepartition(other, topic)).map(({ id }) => id),
        };
      }),
      nodes: group.parts.map((part): NodePlan => nodeOf(part, targets)),
      sinks: group.parts.flatMap((part) =>
        part.sinks.map((sink): SinkPlan => ({
          id: sinkId(part, sink),
          topic: sink.topic,
          partitions: partitionsOf(sink.topic),
          kind: sink.kind,
          key: sink.key,
          encode: sink.encode,
        })),
      ),
    };
  });
  return { name: elaboration.topology, topics: topicsOf(subTopologies, { elaboration, partitionsOf }), subTopologies };
}

/** Unique in its sub-topology: the part, its output, and whether it is the change of key. */
const sinkId = (part: Part, sink: Part["sinks"][number]): string =>
  `${part.id}.${sink.output}${sink.kind === "repartition" ? ".repartition" : `>${sink.topic}`}`;

const writesRepartition = ({ parts }: Group, topic: string): boolean =>
  parts.some(({ sinks }) => sinks.some((sink) => sink.kind === "repartition" && sink.topic === topic));

type TargetsOf = (origin: string) => readonly Target[];

function targetsIn({ parts }: Group): TargetsOf {
  const targets = new Map<string, Target[]>();
  for (const part of parts) {
    for (const [port, { origins }] of part.inputs) {
      for (const name of new Set(origins.map(originName))) targets.set(name, [...(targets.get(name) ?? []), { node: part.id, port }]);
    }
  }
  return (origin) => targets.get(origin) ?? [];
}

function nodeOf(part: Part, targets: TargetsOf): NodePlan {
  const processor = part.bind();
  const outputs = processor.outputs.map((output) => [
    output,
    {
      to: targets(originName({ kind: "part", part: part.id, output })),
      sinks: part.sinks.filter((sink) => sink.output === output).map((sink) => sinkId(part, sink)),
    },
  ]);
  return { id: part.id, processor, outputs: Object.fromEntries(outputs) as NodePlan["outputs"] };
}

/** Everything that is read or written, with the dead letters of what is read. */
function topicsOf(
  subTopologies: readonly SubTopologyPlan[],
  { elaboration, partitionsOf }: { elaboration: Elaboration; partitionsOf: Layout["partitionsOf"] },
): readonly TopicSpec[] {
  const specs = new Map<string, TopicSpec>();
  const consumed = new Set(elaboration.repartitions.map(({ topic }) => topic));
  const add = (name: string, retention: TopicSpec["retention"], partitions: number): void =>
    void specs.set(name, { name, partitions, retention });
  for (const { sources, sinks } of subTopologies) {
    for (const { topic } of [...sources, ...sinks]) {
      add(topic, consumed.has(topic) ? { kind: "consumed" } : elaboration.topics.get(topic)!.retention, partitionsOf(topic));
    }
    for (const { topic } of sources) add(deadLetterTopicOf(topic), { kind: "time", ms: deadLetterMs }, partitionsOf(topic));
  }
  for (const { topic } of elaboration.deliveries) {
    if (!specs.has(topic)) add(topic, elaboration.topics.get(topic)!.retention, partitionsOf(topic));
    add(deadLetterTopicOf(topic), { kind: "time", ms: deadLetterMs }, partitionsOf(topic));
  }
  return [...specs.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
