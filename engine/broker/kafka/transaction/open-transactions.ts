import type { Position } from "#broker/broker.ts";
import type { KafkaClient, Request } from "../wire/kafka-client.ts";
import { errorId, KafkaError } from "../wire/kafka-error.ts";
import { describeProducersV0 } from "../wire/kafka-library.ts";
import type { TopicPartition } from "../wire/leaders.ts";

type Answer = ReturnType<typeof describeProducersV0.parseResponse>;

/**
 * Where a producer has an open transaction in these partitions, as their leaders see it; `offset` is that of its first record. Asked once.
 * @throws {KafkaError} a leader that is away or has moved; `TOPIC_AUTHORIZATION_FAILED` without read on a topic
 */
export async function openTransactions(
  client: Pick<KafkaClient, "send" | "metadata">,
  producerId: bigint,
  partitions: readonly TopicPartition[],
): Promise<readonly Position[]> {
  const { topics } = await client.metadata([...new Set(partitions.map(({ topic }) => topic))]);
  const byLeader = Map.groupBy(partitions, ({ topic, partition }) => topics.get(topic)?.partitions[partition]?.leader ?? -1);
  if (byLeader.has(-1)) throw new KafkaError("open transactions: a partition has no leader now", ["LEADER_NOT_AVAILABLE"]);
  const answers = await Promise.all(
    [...byLeader].map(async ([node, asked]) =>
      positionsOf(await client.send(node, describeProducers(asked), "open transactions"), producerId),
    ),
  );
  return answers.flat();
}

function describeProducers(partitions: readonly TopicPartition[]): Request<Answer> {
  const topics = [...Map.groupBy(partitions, ({ topic }) => topic)].map(([name, those]) => ({
    name,
    partitionIndexes: those.map(({ partition }) => partition),
  }));
  return {
    key: 61,
    version: 0,
    payload: () => describeProducersV0.createRequest(topics),
    parse: describeProducersV0.parseResponse,
  };
}

function positionsOf({ topics }: Answer, producerId: bigint): Position[] {
  return topics.flatMap(({ name: topic, partitions }) =>
    partitions.flatMap(({ partitionIndex: partition, errorCode, activeProducers }) => {
      const id = errorId(errorCode);
      if (id !== "NONE") throw new KafkaError(`open transactions of ${topic}[${partition}]: ${id}`, [id]);
      return activeProducers
        .filter((producer) => producer.producerId === producerId && producer.currentTxnStartOffset >= 0n)
        .map(({ currentTxnStartOffset: offset }) => ({ topic, partition, offset }));
    }),
  );
}
