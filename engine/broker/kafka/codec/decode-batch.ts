import type { BatchIndex } from "#broker/record-batch.ts";
import { at, type BatchHeader, compressionBits, corrupt } from "./batch-header.ts";
import { compressions, decompress } from "./compression.ts";
import { crc32c } from "./crc32c.ts";
import { type IndexedRecords, indexRecords } from "./index-records.ts";

/** Records of one kind that lie one behind the other within a batch; `next` is where to read on behind them. */
export type DecodedPart = { readonly kind: "records" | "watermarks"; readonly index: BatchIndex; readonly next: bigint };

/**
 * Checks a batch and indexes its records where they lie, or where they were decompressed: mostly one part, two when marks lie behind records, none
 * when compaction has left no record. Numbers are offsets less `header.baseOffset`. `where` names the partition, e.g. `orders[3]`.
 * @throws {BrokerError} `BROKER_CORRUPT`
 */
export function decodeBatch(bytes: Buffer, start: number, header: BatchHeader, where: string): readonly DecodedPart[] {
  checkBatch(bytes, start, header, where);
  if (header.count === 0) return [];
  const batch = bytes.subarray(start, start + header.byteLength);
  const kind = compressions[batch.readInt16BE(at.attributes) & compressionBits];
  if (kind === undefined) throw corrupt("compressed in an unknown way", where, header.baseOffset);
  try {
    if (kind === "none") return partsOf(indexRecords(batch, at.records, { batch, header }), header);
    return partsOf(indexRecords(decompress(kind, batch.subarray(at.records)), 0, { batch, header }), header);
  } catch (cause) {
    const what = cause instanceof RangeError ? cause.message : `cannot be decompressed (${kind})`;
    throw corrupt(what, where, header.baseOffset, cause);
  }
}

/**
 * Compares the checksum, which covers all of a batch but its base offset, length and leader epoch.
 * @throws {BrokerError} `BROKER_CORRUPT`
 */
export function checkBatch(bytes: Buffer, start: number, header: BatchHeader, where: string): void {
  const sum = crc32c(bytes.subarray(start + at.attributes, start + header.byteLength));
  if (sum !== bytes.readUInt32BE(start + at.crc)) throw corrupt("checksum of a batch does not match", where, header.baseOffset);
}

/**
 * What a control batch says of the transaction of its producer; undefined when compaction has emptied it, or it is about something else.
 * @throws {BrokerError} `BROKER_CORRUPT`
 */
export function controlType(bytes: Buffer, start: number, header: BatchHeader, where = "a batch"): "abort" | "commit" | undefined {
  const [part] = decodeBatch(bytes, start, header, where);
  if (part === undefined || !header.control) return undefined;
  // A control record's key is `i16 version · i16 type`; later versions may append to it (KIP-98).
  const { index } = part;
  if (index.keyLengths[0]! < 4) return undefined;
  const type = index.bytes.readInt16BE(index.keyStarts[0]! + 2);
  return type === 0 ? "abort" : type === 1 ? "commit" : undefined;
}

function partsOf({ index, runs }: IndexedRecords, { baseOffset, nextOffset }: BatchHeader): readonly DecodedPart[] {
  if (runs.length === 1) return [{ kind: runs[0]!.kind, index, next: nextOffset }];
  return runs.map(({ kind, first, start }, i) => {
    const behind = runs[i + 1];
    if (behind === undefined)
      return { kind, index: cut(index, { first, end: index.count, start, stop: index.bytes.length }), next: nextOffset };
    const part = cut(index, { first, end: behind.first, start, stop: behind.start });
    return { kind, index: part, next: baseOffset + BigInt(index.numbers[behind.first]!) };
  });
}

type Cut = { readonly first: number; readonly end: number; readonly start: number; readonly stop: number };

/** Some of the records, over their bytes only. */
function cut(index: BatchIndex, { first, end, start, stop }: Cut): BatchIndex {
  const moved = (starts: Int32Array): Int32Array => starts.slice(first, end).map((position) => position - start);
  return {
    bytes: index.bytes.subarray(start, stop),
    count: end - first,
    timestamps: index.timestamps.subarray(first, end),
    sequences: index.sequences.subarray(first, end),
    numbers: index.numbers.subarray(first, end),
    keyStarts: moved(index.keyStarts),
    keyLengths: index.keyLengths.subarray(first, end),
    valueStarts: moved(index.valueStarts),
    valueLengths: index.valueLengths.subarray(first, end),
    headerStarts: moved(index.headerStarts),
    headerLengths: index.headerLengths.subarray(first, end),
    headerFormat: index.headerFormat,
  };
}
