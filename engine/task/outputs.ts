import type { RecordBatch } from "#broker/broker.ts";
import { RecordBatchBuilder, type NewRecord } from "#broker/record-batch.ts";

/** What a task has to say since its last commit, encoded, by topic and partition. */
export class Outputs {
  count = 0;
  bytes = 0;
  private readonly topics = new Map<string, (RecordBatchBuilder | undefined)[]>();

  append(topic: string, partition: number, record: NewRecord): void {
    let partitions = this.topics.get(topic);
    if (partitions === undefined) this.topics.set(topic, (partitions = []));
    const builder = (partitions[partition] ??= new RecordBatchBuilder());
    const before = builder.byteLength;
    builder.append(record);
    this.bytes += builder.byteLength - before;
    this.count += 1;
  }

  take(): RecordBatch[] {
    const batches: RecordBatch[] = [];
    for (const [topic, partitions] of this.topics) {
      partitions.forEach((builder, partition) => {
        const frame = builder?.take();
        if (frame !== undefined) batches.push({ topic, partition, kind: "records", count: frame.count, bytes: frame.bytes });
      });
    }
    this.count = 0;
    this.bytes = 0;
    return batches;
  }

  drop(): void {
    this.topics.clear();
    this.count = 0;
    this.bytes = 0;
  }
}
