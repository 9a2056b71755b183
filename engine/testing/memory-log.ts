import type { FetchedBatch, Position, RecordBatch } from "#broker/broker.ts";
import { checkBatchWithGaps } from "#broker/embedded/log/offset-gaps.ts";
import { decodeHeaders, indexBatch, keyTextOf, headerBytesOf, noRecords, valueOf, type HeaderList } from "#broker/record-batch.ts";

/** A record as tests read it. */
export type DriverRecord = {
  readonly partition: number;
  readonly offset: bigint;
  readonly key: string | null;
  readonly value: Uint8Array | null;
  readonly timestamp: number;
  readonly sequence: number;
  readonly headers: HeaderList;
};

type Partition = { readonly batches: FetchedBatch[]; end: bigint };

/** What the driver has instead of a log: batches in memory, read and written synchronously. */
export class MemoryLog {
  private readonly topics = new Map<string, Partition[]>();
  private readonly gaps: boolean;

  /** With `gaps`, offsets are left out before every third record, as Kafka does for its own. */
  constructor({ gaps }: { readonly gaps: boolean }) {
    this.gaps = gaps;
  }

  create(topic: string, partitions: number): void {
    this.topics.set(
      topic,
      Array.from({ length: partitions }, () => ({ batches: [], end: 0n })),
    );
  }

  has(topic: string): boolean {
    return this.topics.has(topic);
  }

  partitionsOf(topic: string): number {
    return this.get(topic).length;
  }

  append(batch: RecordBatch, nowMs: number): void {
    const partition = this.get(batch.topic)[batch.partition]!;
    const {
      batch: { bytes, ...stored },
      span,
      gapBefore,
    } = checkBatchWithGaps(batch, ({ record }) => (this.gaps && record % 3 === 0 ? 2 : 0));
    const baseOffset = partition.end + BigInt(gapBefore);
    partition.end = baseOffset + BigInt(span);
    partition.batches.push({
      ...stored,
      index: indexBatch(bytes, stored.count),
      baseOffset,
      appendedAtMs: nowMs,
      next: partition.end,
      end: partition.end,
      logStart: 0n,
    });
  }

  /** The batches from a position on; a batch without records when there are none. */
  fetch({ topic, partition, offset }: Position): readonly FetchedBatch[] {
    const { batches, end } = this.get(topic)[partition]!;
    const from = offset < 0n ? 0n : offset;
    const found = batches.filter(({ next }) => next > from).map((batch) => ({ ...batch, end }));
    if (found.length > 0) return found;
    return [
      {
        topic,
        partition,
        kind: "records",
        count: 0,
        index: noRecords,
        baseOffset: from,
        appendedAtMs: 0,
        next: from,
        end,
        logStart: 0n,
      },
    ];
  }

  /** All records of a topic, in order of partition and offset. */
  records(topic: string): DriverRecord[] {
    return this.get(topic).flatMap(({ batches }, partition) =>
      batches
        .filter(({ kind }) => kind === "records")
        .flatMap(({ index, count, baseOffset }) =>
          Array.from({ length: count }, (_, i) => ({
            partition,
            offset: baseOffset + BigInt(index.numbers[i]!),
            key: keyTextOf(index, i),
            value: valueOf(index, i),
            timestamp: index.timestamps[i]!,
            sequence: index.sequences[i]!,
            headers: decodeHeaders(headerBytesOf(index, i)),
          })),
        ),
    );
  }

  private get(topic: string): Partition[] {
    const partitions = this.topics.get(topic);
    if (partitions === undefined) throw new Error(`no topic ${topic}; there are ${[...this.topics.keys()].join(", ")}`);
    return partitions;
  }
}
