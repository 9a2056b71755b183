import { fetchV13 } from "../wire/kafka-library.ts";
import type { Request } from "#broker/kafka/wire/kafka-client.ts";
import type { TopicPartition } from "#broker/kafka/wire/leaders.ts";
import { type FetchAnswer, parseFetch } from "./fetch-answer.ts";

export type PartitionAsk = TopicPartition & { readonly offset: bigint; readonly maxBytes: number };
/** `leaderEpoch` is that of the metadata: a leader that was deposed, or is newer, says so instead of answering (KIP-320). */
export type AddressedAsk = PartitionAsk & { readonly topicId: string; readonly leaderEpoch: number };

/**
 * `maxBytes` bounds the whole answer; the first batch of the first partition that has any comes whole in spite of it. `uncommitted`: what open
 * transactions have written comes too, and nothing is told of aborted ones.
 */
export type FetchBounds = { readonly maxBytes: number; readonly maxWaitMs: number; readonly uncommitted?: boolean };

const fetchKey = 1;
// The first with topic ids, of Kafka 3.1: the later ones have nothing that is used here.
const fetchVersion = 13;
const answerAtOnce = 1;
const readUncommitted = 0;
const readCommitted = 1;
const noSession = { id: 0, epoch: -1 };
const unknownEpoch = -1;
const maxInt32 = 2 ** 31 - 1;

/** One request to one leader; partitions are served in the order in which they are asked. */
export function fetchRequest(asked: readonly AddressedAsk[], bounds: FetchBounds): Request<readonly FetchAnswer[]> {
  const { maxBytes, maxWaitMs, uncommitted = false } = bounds;
  const topics: { topicId: string; partitions: PartitionOfRequest[] }[] = [];
  for (const { topicId, partition, offset, maxBytes: partitionMaxBytes, leaderEpoch } of asked) {
    // A topic stands twice rather than that the order of partitions is lost.
    if (topics.at(-1)?.topicId !== topicId) topics.push({ topicId, partitions: [] });
    topics.at(-1)!.partitions.push({
      partition,
      currentLeaderEpoch: leaderEpoch,
      fetchOffset: offset,
      lastFetchedEpoch: unknownEpoch,
      partitionMaxBytes: bounded(partitionMaxBytes),
    });
  }
  return {
    key: fetchKey,
    version: fetchVersion,
    payload: () => {
      const { id, epoch } = noSession;
      const isolation = uncommitted ? readUncommitted : readCommitted;
      return fetchV13.createRequest(Math.ceil(maxWaitMs), answerAtOnce, bounded(maxBytes), isolation, id, epoch, topics, [], "");
    },
    parse: (_id, _key, _version, reader) => parseFetch(reader.buffer.subarray(reader.position).buffer),
  };
}

type PartitionOfRequest = Parameters<typeof fetchV13.createRequest>[6][number]["partitions"][number];

const bounded = (bytes: number): number => Math.max(1, Math.min(Math.floor(bytes), maxInt32));
