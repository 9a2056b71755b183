import { readBatchHeader } from "../codec/batch-header.ts";
import { fetchRequest } from "../fetch/fetch-request.ts";
import { addressed, plainId } from "../fetch/read-partitions.ts";
import { listOffsets } from "../admin/offsets.ts";
import type { Topic } from "../wire/cluster.ts";
import type { KafkaClient } from "../wire/kafka-client.ts";
import { KafkaError } from "../wire/kafka-error.ts";
import { offsetForLeaderEpochV4 } from "../wire/kafka-library.ts";
import type { TopicPartition } from "../wire/leaders.ts";
import type { ProducerIdentity } from "./sequences.ts";

/** A batch by what its producer sealed into it. */
export type SealedBatch = ProducerIdentity & { readonly firstSequence: number };

const consumer = -1;
const maxBytes = 1 << 20;
const maxWaitMs = 100;
/** Records that the other replicas have not got in this time are waited for in another attempt. */
const replicatedMs = 1000;

/**
 * The offset of the first record of a batch in the log, or undefined when its leader has no such batch at or behind `from`. It reads to where that leader's
 * log ends now, also what is not replicated yet, which is waited for; once, without trying again.
 * @throws {KafkaError} `OFFSET_NOT_AVAILABLE`: not replicated yet; a leader that is away or has moved; `TOPIC_AUTHORIZATION_FAILED` without read on the topic
 */
export async function findBatch(
  client: KafkaClient,
  { topic, partition, from }: TopicPartition & { readonly from: bigint },
  batch: SealedBatch,
): Promise<bigint | undefined> {
  const place = { topic, partition };
  const node = await client.leader(topic, partition);
  const known = client.known(topic)!;
  const end = await endOfLog(client, node, known, partition);
  const until = performance.now() + replicatedMs;
  for (let position = from; position < end;) {
    const asked = addressed([{ ...place, offset: position, maxBytes }], new Map([[topic, known]]));
    const answers = await client.send(node, fetchRequest(asked, { maxBytes, maxWaitMs, uncommitted: true }), "look for a batch");
    const answer = answers.find(({ topicId, partition: of }) => topicId === plainId(known) && of === partition);
    const error = answer?.error ?? "UNKNOWN_TOPIC_ID";
    if (error === "OFFSET_OUT_OF_RANGE") {
      const [begin] = await listOffsets(client, [place], { at: { kind: "earliest" }, forMs: 0 });
      if (begin!.offset <= position) throw failure(place, error);
      position = begin!.offset;
      continue;
    }
    if (error !== "NONE") throw failure(place, error);
    const { records } = answer!;
    const before = position;
    for (let at = 0; ;) {
      const header = readBatchHeader(records, at, `${topic}[${partition}]`);
      if (header === undefined) break;
      if (isOf(batch, header)) return header.baseOffset;
      position = header.nextOffset;
      at += header.byteLength;
    }
    if (position === before && performance.now() > until) throw failure(place, "OFFSET_NOT_AVAILABLE");
  }
  return undefined;
}

function isOf(batch: SealedBatch, header: SealedBatch): boolean {
  const { producerId, producerEpoch, firstSequence } = header;
  return producerId === batch.producerId && producerEpoch === batch.producerEpoch && firstSequence === batch.firstSequence;
}

/** Where the leader's own log ends, which readers do not see: it stands for the end of the epoch in which it leads (KIP-320). */
async function endOfLog(client: KafkaClient, node: number, topic: Topic, partition: number): Promise<bigint> {
  const { leaderEpoch } = topic.partitions[partition]!;
  const asked = [{ name: topic.name, partitions: [{ partitionIndex: partition, currentLeaderEpoch: leaderEpoch, leaderEpoch }] }];
  const { topics } = await client.ask(node, offsetForLeaderEpochV4.api, [consumer, asked], "end of the log");
  const end = topics[0]?.partitions[0]?.endOffset;
  if (end === undefined || end < 0n) throw failure({ topic: topic.name, partition }, "UNKNOWN_LEADER_EPOCH");
  return end;
}

const failure = ({ topic, partition }: TopicPartition, id: string): KafkaError =>
  new KafkaError(`look for a batch in ${topic}[${partition}]: ${id}`, [id]);
