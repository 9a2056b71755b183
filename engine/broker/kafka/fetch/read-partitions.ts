import { BrokerError } from "#broker/broker-error.ts";
import type { Topic } from "#broker/kafka/wire/cluster.ts";
import type { KafkaClient } from "#broker/kafka/wire/kafka-client.ts";
import { askLeaders, type LeaderAnswer } from "#broker/kafka/wire/leaders.ts";
import { type CommittedRead, committedBatches, roomOfAnswer } from "./committed-batches.ts";
import { type AddressedAsk, type FetchBounds, fetchRequest, type PartitionAsk } from "./fetch-request.ts";

/** Committed records of one partition from a position on, with the bounds of the partition at that moment; or the news that it does not hold the position. */
export type PartitionRead =
  | (CommittedRead & {
      readonly kind: "read";
      readonly stableEnd: bigint;
      readonly highWatermark: bigint;
      readonly logStart: bigint;
      /** Bytes that the leader sent; 0 when there was no room to read any of them. */
      readonly byteLength: number;
    })
  | { readonly kind: "out-of-range" };

export type Reading = FetchBounds & { readonly forMs: number; readonly signal?: AbortSignal | undefined };

/**
 * Reads partitions at their leaders, one request to each and all at the same time; an answer for each, in the order asked, which is the order in which
 * each leader serves them. A partition whose leader moved is asked again, for at most `forMs`. No partition may be asked twice.
 *
 * @throws {BrokerError} `BROKER_UNKNOWN_TOPIC`, `BROKER_CORRUPT`
 * @throws {KafkaError}
 */
export function readPartitions(client: KafkaClient, asked: readonly PartitionAsk[], reading: Reading): Promise<readonly PartitionRead[]> {
  const { forMs, signal } = reading;
  return askLeaders<PartitionAsk, PartitionRead>(client, asked, {
    doing: "fetch",
    forMs,
    signal,
    ask: async (node, asks, topics) => {
      const answers = await client.send(node, fetchRequest(addressed(asks, topics), reading), "fetch");
      const room = roomOfAnswer();
      const found = new Map(answers.map((answer) => [`${answer.topicId} ${answer.partition}`, answer]));
      return asks.map(({ topic, partition, offset }): LeaderAnswer<PartitionRead> => {
        const answer = found.get(`${plainId(topics.get(topic)!)} ${partition}`);
        if (answer === undefined) return { kind: "failed", id: "UNKNOWN_TOPIC_ID" };
        const { error, stableEnd, highWatermark, logStart, records, aborted } = answer;
        if (error === "OFFSET_OUT_OF_RANGE") return { kind: "answered", answer: { kind: "out-of-range" } };
        if (error !== "NONE") return { kind: "failed", id: error };
        const read = committedBatches({ records, aborted, room }, offset, `${topic}[${partition}]`);
        const byteLength = room.leftBytes <= 0 && read.next === offset ? 0 : records.length;
        return { kind: "answered", answer: { kind: "read", ...read, stableEnd, highWatermark, logStart, byteLength } };
      });
    },
  });
}

export const addressed = (asks: readonly PartitionAsk[], topics: ReadonlyMap<string, Topic>): readonly AddressedAsk[] =>
  asks.map((ask) => {
    const topic = topics.get(ask.topic)!;
    return { ...ask, topicId: topic.id, leaderEpoch: topic.partitions[ask.partition]!.leaderEpoch };
  });

/** A topic id as answers have it. */
export const plainId = ({ id }: Topic): string => id.replaceAll("-", "");

/** Offsets that cannot lie in any partition are not sent: they would not even fit. */
export function checkOffset(topic: string, partition: number, offset: bigint): void {
  if (offset >= 0n && offset < 2n ** 63n) return;
  throw new BrokerError("BROKER_OFFSET_OUT_OF_RANGE", "there is no such offset", { at: `${topic}[${partition}]@${offset}` });
}
