import { BrokerError } from "#broker/broker-error.ts";

/**
 * What stands in front of a batch's records (record format v2):
 * `i64 baseOffset · i32 length (of what follows) · i32 leaderEpoch · i8 magic · u32 crc (of what follows) · i16 attributes · i32 lastOffsetDelta ·
 * i64 baseTimestamp · i64 maxTimestamp · i64 producerId · i16 producerEpoch · i32 firstSequence · i32 count`.
 */
export const at = {
  baseOffset: 0,
  length: 8,
  leaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  firstSequence: 53,
  count: 57,
  records: 61,
} as const;

/** Bits of the attributes; the lowest three are the compression. */
export const compressionBits = 0x07;
export const logAppendTimeBit = 0x08;
export const transactionalBit = 0x10;
export const controlBit = 0x20;

export type BatchHeader = {
  readonly baseOffset: bigint;
  /** Behind the last offset of the batch, whose record compaction may have taken. */
  readonly nextOffset: bigint;
  /** Of the whole batch, this header included. */
  readonly byteLength: number;
  readonly count: number;
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly firstSequence: number;
  readonly control: boolean;
  readonly transactional: boolean;
  readonly maxTimestamp: number;
  /** All records have `maxTimestamp`, the time of the broker that took them. */
  readonly logAppendTime: boolean;
};

/**
 * The header of the batch that begins at `start`, or undefined when the rest holds no whole batch, as the end of an answer to Fetch may. Nothing is
 * checked but the format's version: `checkBatch` does. `where` names the partition, e.g. `orders[3]`.
 * @throws {BrokerError} `BROKER_CORRUPT` when this is no batch of the format
 */
export function readBatchHeader(bytes: Buffer, start: number, where = "a batch"): BatchHeader | undefined {
  if (bytes.length - start < at.magic + 1) return undefined;
  const baseOffset = bytes.readBigInt64BE(start + at.baseOffset);
  const length = bytes.readInt32BE(start + at.length);
  const magic = bytes[start + at.magic]!;
  if (magic !== 2) throw corrupt(`record format ${magic} is not known`, where, baseOffset);
  if (baseOffset < 0n || length < at.records - at.leaderEpoch) throw corrupt(`no batch begins here (${length} bytes)`, where, baseOffset);
  const byteLength = at.leaderEpoch + length;
  if (bytes.length - start < byteLength) return undefined;
  const attributes = bytes.readInt16BE(start + at.attributes);
  const lastOffsetDelta = bytes.readInt32BE(start + at.lastOffsetDelta);
  return {
    baseOffset,
    nextOffset: baseOffset + BigInt(lastOffsetDelta) + 1n,
    byteLength,
    count: bytes.readInt32BE(start + at.count),
    producerId: bytes.readBigInt64BE(start + at.producerId),
    producerEpoch: bytes.readInt16BE(start + at.producerEpoch),
    firstSequence: bytes.readInt32BE(start + at.firstSequence),
    control: (attributes & controlBit) !== 0,
    transactional: (attributes & transactionalBit) !== 0,
    maxTimestamp: Number(bytes.readBigInt64BE(start + at.maxTimestamp)),
    logAppendTime: (attributes & logAppendTimeBit) !== 0,
  };
}

/** `where` is a partition, e.g. `orders[3]`. */
export const corrupt = (what: string, where: string, offset: bigint, cause?: unknown): BrokerError =>
  new BrokerError("BROKER_CORRUPT", what, { at: `${where}@${offset}`, cause });
