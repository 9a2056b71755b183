import { offsetFetchV9 } from "../wire/kafka-library.ts";
import type { KafkaClient } from "#broker/kafka/wire/kafka-client.ts";
import type { TopicPartition } from "#broker/kafka/wire/leaders.ts";
import { persist } from "#broker/kafka/wire/persist.ts";
import type { Asking } from "./offsets.ts";

/** `offset` is undefined, and `metadata` empty, where the group has committed nothing. */
export type CommittedOffset = TopicPartition & { readonly offset: bigint | undefined; readonly metadata: string };

/**
 * What a group has committed, in the order asked (all that it has committed, by topic and partition, unless partitions are named), once no transaction
 * with offsets of these partitions is open: offsets that a predecessor left pending are waited for (at most for its transaction timeout, and for `forMs`), since the ones before them would repeat its work.
 * @throws {KafkaError} `UNSTABLE_OFFSET_COMMIT` when they are still pending after `forMs`
 */
export async function committedOffsets(
  client: KafkaClient,
  group: string,
  { partitions, forMs = 60_000, signal }: Asking & { readonly partitions?: readonly TopicPartition[] | undefined },
): Promise<readonly CommittedOffset[]> {
  if (partitions?.length === 0) return [];
  const doing = `committed offsets of ${group}`;
  const topics = partitions && groupByTopic(partitions);
  const requireStable = true;
  const answer = await persist(doing, { forMs, signal, maxPauseMs: 200 }, async (refresh) => {
    const node = await client.coordinator("group", group, refresh);
    return client.ask(
      node,
      offsetFetchV9.api,
      [[{ groupId: group, memberId: null, memberEpoch: -1, topics: topics ?? null! }], requireStable],
      doing,
    );
  });
  const byTopic = new Map(answer.groups[0]?.topics.map(({ name, partitions: of }) => [name, of]));
  // Kafka tells them as its hash tables have them.
  const asked =
    partitions ??
    [...byTopic.keys()].toSorted().flatMap((topic) =>
      byTopic
        .get(topic)!
        .map(({ partitionIndex: partition }) => ({ topic, partition }))
        .toSorted((a, b) => a.partition - b.partition),
    );
  return asked.map(({ topic, partition }) => {
    const found = byTopic.get(topic)?.find(({ partitionIndex }) => partitionIndex === partition);
    if (found === undefined || found.committedOffset < 0n) return { topic, partition, offset: undefined, metadata: "" };
    return { topic, partition, offset: found.committedOffset, metadata: found.metadata ?? "" };
  });
}

const groupByTopic = (partitions: readonly TopicPartition[]): { name: string; partitionIndexes: number[] }[] =>
  [...Map.groupBy(partitions, ({ topic }) => topic)].map(([name, of]) => ({
    name,
    partitionIndexes: [...new Set(of.map(({ partition }) => partition))],
  }));
