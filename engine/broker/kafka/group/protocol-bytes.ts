import { Reader, Writer } from "../wire/kafka-library.ts";
import type { TopicPartitions } from "./task-list.ts";

/** Version of Kafka's ConsumerProtocol in which members speak: 1 has the owned partitions. */
const version = 1;

/** Kafka's ConsumerProtocolSubscription: what the broker's tools read of a member, with `userData` of our own. */
export function encodeSubscription(topics: readonly string[], userData: Buffer, owned: TopicPartitions): Buffer {
  const writer = Writer.create().appendInt16(version);
  writer.appendArray([...topics], (to, topic) => to.appendString(topic, false), false, false);
  writer.appendBytes(userData, false);
  return appendPartitions(writer, owned).buffer;
}

/** The `userData` of a subscription. */
export function userDataOfSubscription(bytes: Buffer): Buffer {
  const reader = Reader.from(bytes);
  reader.readInt16();
  reader.readArray((from) => from.readString(false), false, false);
  return reader.readBytes(false);
}

/** Kafka's ConsumerProtocolAssignment. */
export function encodeAssignedPartitions(partitions: TopicPartitions, userData: Buffer): Buffer {
  return appendPartitions(Writer.create().appendInt16(version), partitions).appendBytes(userData, false).buffer;
}

export function userDataOfAssignment(bytes: Buffer): Buffer {
  const reader = Reader.from(bytes);
  reader.readInt16();
  reader.readArray((from) => [from.readString(false), from.readArray((partition) => partition.readInt32(), false, false)], false, false);
  return reader.readBytes(false);
}

function appendPartitions(writer: Writer, partitions: TopicPartitions): Writer {
  const each = (to: Writer, [topic, numbers]: readonly [string, readonly number[]]): void => {
    to.appendString(topic, false).appendArray([...numbers], (one, partition) => one.appendInt32(partition), false, false);
  };
  return writer.appendArray([...partitions], each, false, false);
}
