import { type Reader, Writer } from "../wire/kafka-library.ts";
import type { Request } from "../wire/kafka-client.ts";
import { errorId } from "../wire/kafka-error.ts";

/** One sealed record batch of one partition: from version 3 on a request carries at most one for each. */
export type ProduceEntry = { readonly topic: string; readonly partition: number; readonly bytes: Uint8Array };

/** What a leader made of one batch; `id` is `NONE` when it is durable. A batch that was sent again is answered with the offset of the first time. */
export type ProduceAnswer = {
  readonly topic: string;
  readonly partition: number;
  readonly id: string;
  readonly message: string | null;
  readonly baseOffset: bigint;
  readonly logStartOffset: bigint;
};

export type ProduceOptions = {
  readonly transactionalId: string | null;
  /** 12 lets a transaction's first batch add its partition by itself (KIP-890); the bytes are the same. */
  readonly version: 11 | 12;
  /** How long the leader waits for its replicas before it answers `REQUEST_TIMED_OUT`. */
  readonly timeoutMs: number;
};

/** `acks=all`; errors of single partitions are in the answer, not thrown. */
export function produceRequest(
  entries: readonly ProduceEntry[],
  { transactionalId, version, timeoutMs }: ProduceOptions,
): Request<ProduceAnswer[]> {
  return {
    key: 0,
    version,
    payload: () => {
      const topics = [...Map.groupBy(entries, ({ topic }) => topic)];
      return Writer.create()
        .appendString(transactionalId)
        .appendInt16(-1)
        .appendInt32(timeoutMs)
        .appendArray(topics, (writer, [topic, parts]) => {
          writer.appendString(topic).appendArray(parts, (inner, { partition, bytes }) => {
            inner
              .appendInt32(partition)
              .appendUnsignedVarInt(bytes.length + 1)
              .append(asBuffer(bytes));
          });
        })
        .appendTaggedFields();
    },
    parse: (_correlation, _key, _version, reader) => parse(reader),
  };
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);

function parse(reader: Reader): ProduceAnswer[] {
  const answers: ProduceAnswer[] = [];
  reader.readArray((topics) => {
    const topic = topics.readString();
    topics.readArray((partitions) => {
      const partition = partitions.readInt32();
      const id = errorId(partitions.readInt16());
      const baseOffset = partitions.readInt64();
      partitions.readInt64();
      const logStartOffset = partitions.readInt64();
      const reasons: string[] = [];
      partitions.readArray((records) => {
        const record = records.readInt32();
        reasons.push(`record ${record}: ${records.readNullableString() ?? "refused"}`);
      });
      const message = partitions.readNullableString();
      answers.push({
        topic,
        partition,
        id,
        message: [message, ...reasons].filter((text) => text !== null).join("; ") || null,
        baseOffset,
        logStartOffset,
      });
    });
  });
  return answers;
}
