import { listOffsetsV7 } from "../wire/kafka-library.ts";
import type { Position } from "#broker/broker.ts";
import type { KafkaClient } from "#broker/kafka/wire/kafka-client.ts";
import { KafkaError, errorId } from "#broker/kafka/wire/kafka-error.ts";
import { askLeaders, type LeaderAnswer, type TopicPartition } from "#broker/kafka/wire/leaders.ts";

/**
 * `earliest`: the first record still there; `stable-end`: behind the last record that readers of committed records see (the last stable offset);
 * `high-watermark`: behind the last record that all in-sync replicas have, open transactions included; `time`: the first committed record
 * whose timestamp is not below `ms`, or the stable end when there is none.
 */
export type OffsetAt =
  | { readonly kind: "earliest" }
  | { readonly kind: "stable-end" }
  | { readonly kind: "high-watermark" }
  | { readonly kind: "time"; readonly ms: number };

export type Asking = { readonly forMs?: number; readonly signal?: AbortSignal | undefined };

/**
 * Offsets of partitions, in the order asked.
 * @throws {BrokerError} `BROKER_UNKNOWN_TOPIC`
 * @throws {KafkaError}
 */
export async function listOffsets(
  client: KafkaClient,
  partitions: readonly TopicPartition[],
  { at, forMs = 30_000, signal }: Asking & { readonly at: OffsetAt },
): Promise<readonly Position[]> {
  const offsets = await askLeaders<TopicPartition, bigint>(client, partitions, {
    doing: `offsets (${at.kind}) of`,
    forMs,
    signal,
    ask: (node, asked) => askOffsets(client, node, { asked, at }),
  });
  const found = partitions.map(({ topic, partition }, i) => ({ topic, partition, offset: offsets[i]! }));
  const none = found.filter(({ offset }) => offset < 0n);
  if (none.length === 0) return found;
  const ends = await listOffsets(client, none, { at: { kind: "stable-end" }, forMs, signal });
  return found.map((position) => (position.offset < 0n ? ends[none.indexOf(position)]! : position));
}

const readUncommitted = 0;
const readCommitted = 1;

async function askOffsets(
  client: KafkaClient,
  node: number,
  { asked, at }: { readonly asked: readonly TopicPartition[]; readonly at: OffsetAt },
): Promise<readonly LeaderAnswer<bigint>[]> {
  const timestamp = at.kind === "earliest" ? -2n : at.kind === "time" ? BigInt(Math.ceil(at.ms)) : -1n;
  const isolation = at.kind === "high-watermark" ? readUncommitted : readCommitted;
  const topics = [...Map.groupBy(asked, ({ topic }) => topic)].map(([name, partitions]) => ({
    name,
    partitions: partitions.map(({ partition }) => ({ partitionIndex: partition, currentLeaderEpoch: -1, timestamp })),
  }));
  const answer = await client
    .ask(node, listOffsetsV7.api, [-1, isolation, topics], "list offsets")
    .catch(answerOf<typeof listOffsetsV7.api>);
  return asked.map(({ topic, partition }) => {
    const found = answer.topics.find(({ name }) => name === topic)?.partitions.find(({ partitionIndex }) => partitionIndex === partition);
    if (found === undefined) return { kind: "failed", id: "UNKNOWN_SERVER_ERROR" };
    return found.errorCode === 0 ? { kind: "answered", answer: found.offset } : { kind: "failed", id: errorId(found.errorCode) };
  });
}

/** The library throws the answer for all partitions when one of them has an error. */
export function answerOf<A extends { async(...args: never[]): Promise<unknown> }>(error: unknown): Awaited<ReturnType<A["async"]>> {
  if (error instanceof KafkaError && error.answer !== undefined) return error.answer as Awaited<ReturnType<A["async"]>>;
  throw error;
}
