import { earliest, type FetchedBatch, type Position, type TaskCheckpoint, type TaskCommit, type TaskId } from "#broker/broker.ts";
import { decodeHeaders, headerBytesOf, keyTextOf, RecordBatchBuilder, valueOf } from "#broker/record-batch.ts";
import { encodeDeadLetterHeaders } from "#task/dead-letter.ts";
import { deadLetterTopicOf } from "#task/plan.ts";
import { redriveAmong } from "#task/redrive.ts";
import type { Delivery } from "./sink.ts";
import { Lane, type LaneOptions, type LaneRecord, type Refused } from "./lane.ts";

type HeldRecord = LaneRecord & {
  readonly sequence: number;
  readonly headerBytes: Uint8Array;
  readonly appendedAtMs: number;
  /** The group that it is redriven for. */
  readonly redrivenFor: string | undefined;
};

/** A record as it is asked for whether it is wanted. */
export type WantedRecord = Omit<Delivery, "attempt">;

type PartitionLaneOptions = {
  readonly sink: string;
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly lane: LaneOptions;
  readonly origin: string;
  readonly wants: (record: WantedRecord) => boolean;
};

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
  private readonly idPrefix: string;
  private readonly wants: (record: WantedRecord) => boolean;
  /** Where the log ends, and where it begins, as it was fetched last. */
  private end: bigint | undefined;
  private logStart = 0n;
  private number: bigint;
  private committedPosition: bigint;
  private refused: Refused<HeldRecord>[] = [];
  private sealed: { readonly position: bigint; readonly refused: readonly Refused<HeldRecord>[] } | undefined;

  constructor({ task, number, next }: TaskCheckpoint, { sink, group, topic, partition, lane, origin, wants }: PartitionLaneOptions) {
    this.task = task;
    this.topic = topic;
    this.partition = partition;
    this.sink = sink;
    this.group = group;
    this.idPrefix = origin === "" ? "" : `${origin}/`;
    this.wants = wants;
    this.number = number;
    const position = next.find((at) => at.topic === topic)?.offset ?? earliest;
    this.fetchNext = this.committedPosition = position;
    this.lane = new Lane(position, lane);
  }

  /** Takes what was fetched at `fetchNext`; answers how many of its records are passed over. */
  enqueue(batch: FetchedBatch): number {
    const { topic, partition } = this;
    const records: HeldRecord[] = [];
    // A lane that began with the earliest record does not know yet which one that is.
    const from = this.fetchNext;
    let skipped = 0;
    if (batch.kind === "records") {
      for (let i = 0; i < batch.count; i++) {
        const offset = batch.baseOffset + BigInt(batch.index.numbers[i]!);
        if (offset < from) continue;
        const record = recordOf(batch, i, { at: { topic, partition, offset }, prefix: this.idPrefix });
        // What is redriven for others is not for this sink.
        const mine = record.redrivenFor === undefined || record.redrivenFor === this.group;
        if (mine && this.wants(record.delivery)) records.push(record);
        else skipped += 1;
      }
    }
    this.fetchNext = batch.next;
    this.end = batch.end;
    this.logStart = batch.logStart;
    this.lane.offer(records, batch.next);
    return skipped;
  }

  /** What lies before `logStart` is there no more. */
  passTo(logStart: bigint): void {
    this.fetchNext = this.logStart = logStart;
    this.lane.offer([], logStart);
  }

  lag(nowMs: number): { readonly records: number; readonly ms: number } {
    if (this.end === undefined) return { records: 0, ms: 0 };
    const { position, oldest } = this.lane;
    const from = position > this.logStart ? position : this.logStart;
    return {
      records: this.end > from ? Number(this.end - from) : 0,
      ms: oldest === undefined ? 0 : Math.max(0, nowMs - oldest.appendedAtMs),
    };
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

function recordOf({ index, appendedAtMs }: FetchedBatch, i: number, { at, prefix }: { at: Position; prefix: string }): HeldRecord {
  // Copies: what is held for long must not keep whole batches alive.
  const value = valueOf(index, i);
  const headerBytes = Buffer.from(headerBytesOf(index, i));
  const key = keyTextOf(index, i);
  const headers = decodeHeaders(headerBytes);
  const redrive = redriveAmong(headers);
  const delivery = {
    // Redriven, it is the same record: whoever has taken it can tell.
    id: `${prefix}${redrive?.origin ?? `${at.topic}/${at.partition}/${at.offset}`}`,
    at,
    order: redrive === undefined ? at.offset : orderOf(redrive.origin),
    timestamp: index.timestamps[i]!,
    key,
    value: value === null ? null : Buffer.from(value),
    headers: redrive === undefined ? headers : headers.slice(1),
  };
  const redrivenFor = redrive?.group;
  return {
    delivery,
    redrivenFor,
    appendedAtMs,
    sequence: index.sequences[i]!,
    headerBytes,
    bytes: (key?.length ?? 0) + (value?.length ?? 0) + headerBytes.length,
  };
}

/** Of `topic/partition/offset`; what is no such place is older than everything. */
function orderOf(origin: string): bigint {
  const [offset] = /\d+$/.exec(origin) ?? [];
  return offset === undefined ? -1n : BigInt(offset);
}
