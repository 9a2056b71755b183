import { earliest, type FetchedBatch } from "#broker/broker.ts";
import { type BatchIndex, indexFrom } from "#broker/record-batch.ts";

type Buffered = {
  readonly kind: "records" | "watermarks";
  readonly base: bigint;
  readonly next: bigint;
  readonly appendedAtMs: number;
  readonly index: BatchIndex;
};

/**
 * What was fetched of one input partition and not yet committed past: batches stay until the commit that covers them, so that a task can be
 * rewound to its last commit without asking the log again.
 */
export class InputQueue {
  readonly topic: string;
  readonly partition: number;
  /** Records at hand that were not taken. */
  buffered = 0;
  bufferedBytes = 0;
  /** Unread records in the log beyond what is at hand: false once the log said so, undefined when it was not asked lately. */
  more: boolean | undefined;
  /** The log's end when it was last asked. */
  end = 0n;
  private batches: Buffered[] = [];
  private batch = 0;
  private record = 0;
  /** Where the commit under way ends. */
  private sealed: { readonly position: bigint; readonly batch: number; readonly record: number } | undefined;
  private fetchAt: bigint;
  private committedAt: bigint;

  constructor(topic: string, partition: number, from: bigint) {
    this.topic = topic;
    this.partition = partition;
    this.fetchAt = from;
    this.committedAt = from;
  }

  /** Where to fetch on. */
  get fetchPosition(): bigint {
    return this.fetchAt;
  }

  /** Everything before this offset is committed. */
  get committedPosition(): bigint {
    return this.committedAt;
  }

  /** As `committedPosition` will be when the commit under way is durable. */
  get sealedPosition(): bigint {
    return this.sealed?.position ?? this.committedAt;
  }

  /** Where the next record is: what a commit names. Behind the last taken record, and behind gaps that are known to hold none. */
  get position(): bigint {
    const current = this.batches[this.batch];
    if (current === undefined) return this.fetchAt === earliest ? this.committedAt : this.fetchAt;
    if (this.record > 0) return current.base + BigInt(current.index.numbers[this.record - 1]! + 1);
    return this.batch === 0 ? this.committedAt : this.batches[this.batch - 1]!.next;
  }

  enqueue(fetched: FetchedBatch): void {
    this.end = fetched.end;
    this.more = fetched.next < fetched.end;
    const from = this.fetchAt;
    // A commit names real positions only, also of an input of which nothing was taken yet.
    if (this.committedAt === earliest) this.committedAt = fetched.count === 0 ? fetched.next : fetched.logStart;
    if (fetched.count === 0) {
      if (fetched.next > this.fetchAt) this.skipTo(fetched.next);
      return;
    }
    this.fetchAt = fetched.next;
    const { index } = fetched;
    let first = 0;
    // A position within a batch: the log gives whole batches.
    while (first < index.count && fetched.baseOffset + BigInt(index.numbers[first]!) < from) first++;
    if (first === index.count) return this.skipTo(fetched.next);
    this.batches.push({
      kind: fetched.kind,
      base: fetched.baseOffset,
      next: fetched.next,
      appendedAtMs: fetched.appendedAtMs,
      index: first === 0 ? index : indexFrom(index, first),
    });
    this.buffered += index.count - first;
    this.bufferedBytes += index.bytes.length;
  }

  /** Something was written up to there: what was known of the log's end is older, and the input may not be taken for empty. */
  writtenUpTo(offset: bigint): void {
    if (this.fetchAt < offset) this.more = undefined;
  }

  get head(): Buffered | undefined {
    return this.batches[this.batch];
  }

  /** Index of the head record within the head batch. */
  get headRecord(): number {
    return this.record;
  }

  /** Takes the head record; the caller has read what it needs of it. */
  advance(): void {
    const current = this.batches[this.batch]!;
    this.buffered -= 1;
    this.record += 1;
    if (this.record === current.index.count) {
      this.record = 0;
      this.batch += 1;
    }
  }

  /** What was taken so far is in the commit that is being made. */
  seal(): void {
    this.sealed = { position: this.position, batch: this.batch, record: this.record };
  }

  /** Everything before the seal is committed and may go. */
  committed(): void {
    const { position, batch, record } = this.sealed ?? { position: this.position, batch: this.batch, record: this.record };
    this.sealed = undefined;
    if (position > this.committedAt) this.committedAt = position;
    for (let i = 0; i < batch; i++) this.bufferedBytes -= this.batches[i]!.index.bytes.length;
    this.batches.splice(0, batch);
    this.batch -= batch;
    const first = this.batches[0];
    if (first !== undefined && record > 0) {
      // Records before the position are not taken again after a rewind.
      this.batches[0] = { ...first, index: indexFrom(first.index, record) };
      if (this.batch === 0) this.record -= record;
    }
    // Behind the last record there may be a gap, e.g. the marker of a transaction, that was read while the commit was made.
    if (first === undefined) this.committedAt = this.position;
  }

  /** Back to the last commit; what was fetched stays at hand. */
  rewind(): void {
    this.sealed = undefined;
    this.batch = 0;
    this.record = 0;
    this.buffered = this.batches.reduce((sum, batch) => sum + batch.index.count, 0);
  }

  private skipTo(next: bigint): void {
    this.fetchAt = next;
    if (this.batches.length === 0) this.committedAt = next;
  }
}
