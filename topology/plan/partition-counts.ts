import type { Elaboration } from "../check/elaboration.ts";
import { defaultPartitions } from "../check/topic-catalogue.ts";
import type { Place, Report } from "../topology-error.ts";
import type { Group } from "./grouping.ts";

/**
 * The partitions of every group and change of key. Topics that are read together have as many partitions; those of a change of key are made to fit the
 * other sources of whoever reads it, else they are as many as those of the widest group that writes it. [Y15]
 */
export function countPartitions(
  groups: readonly Group[],
  { topics, repartitions, partitions }: Elaboration,
  report: Report,
): (topicOrGroup: string) => number {
  const counts = new Map<string, number>();
  const ownTopics = new Set(repartitions.map(({ topic }) => topic));
  for (const group of groups) {
    const outer = group.topics.filter((topic) => !ownTopics.has(topic)).map((name) => topics.get(name)!);
    const [first, ...rest] = outer;
    for (const topic of rest) {
      if (topic.partitions === first!.partitions) continue;
      report(
        "TOPOLOGY_NOT_COPARTITIONED",
        topic.place ?? first!.place ?? placeOf(group),
        `"${first!.name}" has ${first!.partitions} partitions and "${topic.name}" ${topic.partitions}, and ${readersOf(group, [first!.name, topic.name])} read them together; give them as many under topics:`,
      );
    }
    if (first !== undefined) counts.set(group.id, first.partitions);
  }
  // Groups that only read changes of key take the count of their widest writer, in as many rounds as there are changes one behind the other.
  for (let open = groups.filter(({ id }) => !counts.has(id)); open.length > 0;) {
    const before = open.length;
    for (const group of open) {
      const writers = groups.filter(({ parts }) => parts.some(({ sinks }) => sinks.some(({ topic }) => group.topics.includes(topic))));
      const known = writers.flatMap(({ id }) => counts.get(id) ?? []);
      if (known.length === writers.length) counts.set(group.id, Math.max(...known));
    }
    open = open.filter(({ id }) => !counts.has(id));
    if (open.length === before) for (const { id } of open) counts.set(id, partitions ?? defaultPartitions);
  }
  for (const group of groups) for (const topic of group.topics) if (ownTopics.has(topic)) counts.set(topic, counts.get(group.id)!);
  return (name) => counts.get(name) ?? topics.get(name)?.partitions ?? partitions ?? defaultPartitions;
}

const placeOf = ({ parts }: Group): Place => parts[0]!.place;
/** The nodes that read one of the topics themselves. */
function readersOf({ parts }: Group, topics: readonly string[]): string {
  const isReader = ({ inputs }: Group["parts"][number]): boolean =>
    [...inputs.values()].some(({ origins }) => origins.some((origin) => origin.kind === "topic" && topics.includes(origin.topic)));
  return [...new Set(parts.filter(isReader).map(({ node }) => `"${node}"`))].join(", ");
}
