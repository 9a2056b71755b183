import { earliest, type FetchedBatch, type TaskCheckpoint, type TaskCommit, type TaskId } from "#broker/broker.ts";
import { decodeHeaders, headerBytesOf, keyTextOf, RecordBatchBuilder, valueOf } from "#broker/record-batch.ts";
import { encodeDeadLetterHeaders } from "#task/dead-letter.ts";
import { deadLetterTopicOf } from "#task/plan.ts";
import { redriveAmong } from "#task/redrive.ts";
import { Lane, type LaneOptions, type LaneRecord, type Refused } from "./lane.ts";

type HeldRecord = LaneRecord & { readonly sequence: number; readonly headerBytes: Uint8Array; readonly redrivenFor: string | undefined };

/** One partition's lane, where it stands in the log: what is fetched next, what is committed, and which dead letters wait for the position to pass them. */
export class PartitionLane {
  readonly task: TaskId;
  readonly topic: string;
  readonly partition: number;
  readonly lane: Lane<HeldRecord>;
  /** Ends the calls of a lane that was taken away. */
  readonly gone = new AbortController();
  readonly under = new Set<Promise<void>>();
  /** No more calls are begun. */
  closing = false;
  fetchNext: bigint;
  private readonly sink: string;
  private readonly group: string;
  private number: bigint;
  private committedPosition: bigint;
  private refused: Refused<HeldRecord>[] = [];
  private sealed: { readonly position: bigint; readonly refused: readonly Refused<HeldRecord>[] } | undefined;

  constructor(
    { task, number, next }: TaskCheckpoint,
    {
      sink,
      group,
      topic,
      partition,
      lane,
    }: { readonly sink: string; readonly group: string; readonly topic: string; readonly partition: number; readonly lane: LaneOptions },
  ) {
    this.task = task;
    this.topic = topic;
    this.partition = partition;
    this.sink = sink;
    this.group = group;
    this.number = number;
    const position = next.find((at) => at.topic === topic)?.offset ?? earliest;
    this.fetchNext = this.committedPosition = position;
    this.lane = new Lane(position, lane);
  }

  /** Takes what was fetched at `fetchNext`. */
  enqueue(batch: FetchedBatch): void {
    const { topic, partition } = this;
    const records: HeldRecord[] = [];
    // A lane that began with the earliest record does not know yet which one that is.
    const from = this.fetchNext;
    if (batch.kind === "records") {
      for (let i = 0; i < batch.count; i++) {
        const offset = batch.baseOffset + BigInt(batch.index.numbers[i]!);
        if (offset < from) continue;
        const record = recordOf(batch, i, { topic, partition, offset });
        // What is redriven for others is not for this sink.
        if (record.redrivenFor === undefined || record.redrivenFor === this.group) records.push(record);
      }
    }
    this.fetchNext = batch.next;
    this.lane.offer(records, batch.next);
  }

  refuse(refused: readonly Refused<HeldRecord>[]): void {
    this.refused.push(...refused);
  }

  get dirty(): boolean {
    return this.lane.position !== this.committedPosition && this.lane.position !== earliest;
  }

  /** How far the lane has come, and the dead letters that lie before that. */
  takeCommit(): TaskCommit {
    const { position } = this.lane;
    const isPassed = ({ record }: Refused<HeldRecord>): boolean => record.delivery.at.offset < position;
    const letters = this.refused.filter(isPassed);
    this.sealed = { position, refused: letters };
    return {
      task: this.task,
      number: this.number + 1n,
      next: [{ topic: this.topic, partition: this.partition, offset: position }],
      meta: new Uint8Array(0),
      changes: [],
      outputs: letters.length === 0 ? [] : [this.letters(letters)],
    };
  }

  /** The taken commit is durable; answers how many dead letters it had. */
  committed(): number {
    const { position, refused } = this.sealed!;
    this.sealed = undefined;
    this.number += 1n;
    this.committedPosition = position;
    const gone = new Set(refused);
    this.refused = this.refused.filter((one) => !gone.has(one));
    return gone.size;
  }

  private letters(refused: readonly Refused<HeldRecord>[]): TaskCommit["outputs"][number] {
    const builder = new RecordBatchBuilder();
    for (const { record, reason, answer } of refused.toSorted((a, b) =>
      a.record.delivery.at.offset < b.record.delivery.at.offset ? -1 : 1,
    )) {
      const { delivery, sequence, headerBytes } = record;
      const { timestamp, key, value, at } = delivery;
      const source = `${at.topic}[${at.partition}]@${at.offset}`;
      const headers = encodeDeadLetterHeaders(headerBytes, {
        reason,
        node: this.sink,
        source,
        group: this.group,
        extent: "record",
        detail: answer,
      });
      builder.append({ timestamp, sequence, key, value, headers });
    }
    const { count, bytes } = builder.take()!;
    return { topic: deadLetterTopicOf(this.topic), partition: this.partition, kind: "records", count, bytes };
  }
}

function recordOf({ index }: FetchedBatch, i: number, at: { topic: string; partition: number; offset: bigint }): HeldRecord {
  // Copies: what is held for long must not keep whole batches alive.
  const value = valueOf(index, i);
  const headerBytes = Buffer.from(headerBytesOf(index, i));
  const key = keyTextOf(index, i);
  const headers = decodeHeaders(headerBytes);
  const redrive = redriveAmong(headers);
  const delivery = {
    // Redriven, it is the same record: whoever has taken it can tell.
    id: redrive?.origin ?? `${at.topic}/${at.partition}/${at.offset}`,
    at,
    timestamp: index.timestamps[i]!,
    key,
    value: value === null ? null : Buffer.from(value),
    headers: redrive === undefined ? headers : headers.slice(1),
  };
  const redrivenFor = redrive?.group;
  return {
    delivery,
    redrivenFor,
    sequence: index.sequences[i]!,
    headerBytes,
    bytes: (key?.length ?? 0) + (value?.length ?? 0) + headerBytes.length,
  };
}
