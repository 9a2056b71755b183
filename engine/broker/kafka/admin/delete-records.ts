import { deleteRecordsV2 } from "../wire/kafka-library.ts";
import type { Position } from "#broker/broker.ts";
import type { KafkaClient } from "#broker/kafka/wire/kafka-client.ts";
import { errorId } from "#broker/kafka/wire/kafka-error.ts";
import { askLeaders, type LeaderAnswer } from "#broker/kafka/wire/leaders.ts";
import { answerOf, type Asking } from "./offsets.ts";

const answerWithinMs = 10_000;

/**
 * Drops all records before the position of each partition, and answers the log starts, in the order asked; a log start never goes back.
 * @throws {BrokerError} `BROKER_UNKNOWN_TOPIC`
 * @throws {KafkaError} `OFFSET_OUT_OF_RANGE` for a position behind the end, `POLICY_VIOLATION` for a topic that is compacted only
 */
export async function deleteRecords(
  client: KafkaClient,
  before: readonly Position[],
  { forMs = 30_000, signal }: Asking = {},
): Promise<readonly Position[]> {
  const starts = await askLeaders<Position, bigint>(client, before, {
    doing: "delete records of",
    forMs,
    signal,
    ask: (node, asked) => askDelete(client, node, asked),
  });
  return before.map(({ topic, partition }, i) => ({ topic, partition, offset: starts[i]! }));
}

async function askDelete(client: KafkaClient, node: number, asked: readonly Position[]): Promise<readonly LeaderAnswer<bigint>[]> {
  const topics = [...Map.groupBy(asked, ({ topic }) => topic)].map(([name, partitions]) => ({
    name,
    partitions: partitions.map(({ partition, offset }) => ({ partitionIndex: partition, offset })),
  }));
  const answer = await client
    .ask(node, deleteRecordsV2.api, [topics, answerWithinMs], "delete records")
    .catch(answerOf<typeof deleteRecordsV2.api>);
  return asked.map(({ topic, partition }) => {
    const found = answer.topics.find(({ name }) => name === topic)?.partitions.find(({ partitionIndex }) => partitionIndex === partition);
    if (found === undefined) return { kind: "failed", id: "UNKNOWN_SERVER_ERROR" };
    return found.errorCode === 0 ? { kind: "answered", answer: found.lowWatermark } : { kind: "failed", id: errorId(found.errorCode) };
  });
}
