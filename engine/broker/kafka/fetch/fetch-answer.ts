import { errorId, KafkaError } from "#broker/kafka/wire/kafka-error.ts";

/** A transaction of a producer, the first record of which in this partition lies at `first`, and which was aborted. */
export type AbortedTransaction = { readonly producerId: bigint; readonly first: bigint };

/** What a leader answered of one partition; `records` is a view into the whole answer, `error` Kafka's name of what went wrong or `NONE`. */
export type FetchAnswer = {
  readonly topicId: string;
  readonly partition: number;
  readonly error: string;
  readonly highWatermark: bigint;
  /** What readers of committed records see ends here (the last stable offset). */
  readonly stableEnd: bigint;
  readonly logStart: bigint;
  /** By `first`. */
  readonly aborted: readonly AbortedTransaction[];
  readonly records: Buffer;
};

/**
 * Reads an answer of Fetch v13–17, which lies in one buffer, without its header:
 * `i32 throttle · i16 error · i32 session · topics[uuid id · partitions[i32 partition · i16 error · i64 highWatermark · i64 lastStable · i64 logStart ·
 * aborted[i64 producerId · i64 first · tags] · i32 preferredReplica · records · tags] · tags] · tags`.
 *
 * @throws {KafkaError} when the answer has an error as a whole
 */
export function parseFetch(bytes: Buffer): readonly FetchAnswer[] {
  const cursor = new CompactCursor(bytes, 4);
  const error = bytes.readInt16BE(4);
  if (error !== 0) throw new KafkaError(`fetch: ${errorId(error)}`, [errorId(error)]);
  cursor.position = 10;
  const answers: FetchAnswer[] = [];
  for (let topics = cursor.length(); topics > 0; topics--) {
    const topicId = bytes.toString("hex", cursor.position, (cursor.position += 16));
    for (let partitions = cursor.length(); partitions > 0; partitions--) answers.push(parsePartition(bytes, cursor, topicId));
    cursor.skipTags();
  }
  return answers;
}

function parsePartition(bytes: Buffer, cursor: CompactCursor, topicId: string): FetchAnswer {
  const at = cursor.position;
  cursor.position = at + 30;
  const aborted: AbortedTransaction[] = [];
  for (let count = cursor.length(); count > 0; count--) {
    const { position } = cursor;
    aborted.push({ producerId: bytes.readBigInt64BE(position), first: bytes.readBigInt64BE(position + 8) });
    cursor.position = position + 16;
    cursor.skipTags();
  }
  if (aborted.length > 1) aborted.sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  cursor.position += 4;
  const length = cursor.length();
  const records = bytes.subarray(cursor.position, (cursor.position += length));
  cursor.skipTags();
  return {
    topicId,
    partition: bytes.readInt32BE(at),
    error: errorId(bytes.readInt16BE(at + 4)),
    highWatermark: bytes.readBigInt64BE(at + 6),
    stableEnd: bytes.readBigInt64BE(at + 14),
    logStart: bytes.readBigInt64BE(at + 22),
    aborted,
    records,
  };
}

/** Reads the variable parts of Kafka's compact encoding (KIP-482). */
class CompactCursor {
  readonly #bytes;
  position;

  constructor(bytes: Buffer, position: number) {
    this.#bytes = bytes;
    this.position = position;
  }

  /** Of an array or of bytes; null counts as empty. */
  length(): number {
    return Math.max(0, this.#unsigned() - 1);
  }

  skipTags(): void {
    for (let count = this.#unsigned(); count > 0; count--) {
      this.#unsigned();
      const length = this.#unsigned();
      this.position += length;
    }
  }

  #unsigned(): number {
    let number = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#bytes[this.position++];
      if (byte === undefined) throw new RangeError("an answer of fetch ends within itself");
      number |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return number >>> 0;
  }
}
