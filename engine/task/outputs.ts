import type { RecordBatch } from "#broker/broker.ts";
import { RecordBatchBuilder, type NewRecord } from "#broker/record-batch.ts";

/** What a task has to say since its last commit, encoded, by topic and partition. */
export class Outputs {
  private readonly topics = new Map<string, TopicOutputs>();

  /** What takes the records of one topic, for as long as the task lives. */
  of(topic: string): TopicOutputs {
    let found = this.topics.get(topic);
    if (found === undefined) this.topics.set(topic, (found = new TopicOutputs(topic)));
    return found;
  }

  take(): RecordBatch[] {
    return [...this.topics.values()].flatMap((topic) => topic.take());
  }

  drop(): void {
    for (const topic of this.topics.values()) topic.drop();
  }
}

export class TopicOutputs {
  private readonly topic: string;
  private builders: (RecordBatchBuilder | undefined)[] = [];

  constructor(topic: string) {
    this.topic = topic;
  }

  append(partition: number, record: NewRecord): void {
    (this.builders[partition] ??= new RecordBatchBuilder()).append(record);
  }

  take(): RecordBatch[] {
    const { topic } = this;
    const batches: RecordBatch[] = [];
    // Not every partition has a builder.
    this.builders.forEach((builder, partition) => {
      const frame = builder?.take();
      if (frame !== undefined) batches.push({ topic, partition, kind: "records", count: frame.count, bytes: frame.bytes });
    });
    return batches;
  }

  drop(): void {
    this.builders = [];
  }
}
