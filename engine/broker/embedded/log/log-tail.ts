import type { Partition } from "./partitions.ts";

/** A stored batch, as the file has it. */
export type StoredBatch = {
  readonly base: number;
  readonly next: number;
  readonly count: number;
  readonly kind: "records" | "watermarks";
  readonly appendedAtMs: number;
  readonly bytes: Uint8Array;
};

/** What a batch costs beside its bytes. */
const overheadBytes = 200;
const compactAt = 1024;

/**
 * The newest batches of all partitions in memory, those longest there leave first: what the page cache is to Kafka's broker. Nearly every reader
 * reads what was written a moment ago, and asking the file for a batch costs more than processing its records.
 */
export class LogTail {
  readonly #limitBytes: number;
  readonly #tails = new Map<Partition, PartitionTail>();
  /** Whose batch came when. */
  #order: PartitionTail[] = [];
  #left = 0;
  #bytes = 0;

  /** With a limit of 0 it keeps nothing. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** The partition's next batch, in the file already. */
  add(partition: Partition, batch: StoredBatch): void {
    if (this.#limitBytes === 0) return;
    let tail = this.#tails.get(partition);
    if (tail === undefined) this.#tails.set(partition, (tail = new PartitionTail(batch.base)));
    tail.add(batch);
    this.#order.push(tail);
    this.#bytes += batch.bytes.length + overheadBytes;
    while (this.#bytes > this.#limitBytes) this.#bytes -= this.#order[this.#left++]!.leave() + overheadBytes;
    if (this.#left < compactAt || this.#left * 2 < this.#order.length) return;
    this.#order = this.#order.slice(this.#left);
    this.#left = 0;
  }

  /** All batches that hold, or lie behind, the offset; undefined when some of them were not kept. */
  from(partition: Partition, offset: number): readonly StoredBatch[] | undefined {
    return this.#tails.get(partition)?.from(offset);
  }

  /** Forgets everything: the transaction that wrote some of it has failed. */
  clear(): void {
    this.#tails.clear();
    this.#order = [];
    this.#left = 0;
    this.#bytes = 0;
  }
}

/** One partition's batches; from `since` on there is none missing. */
class PartitionTail {
  #since: number;
  #batches: StoredBatch[] = [];
  #left = 0;

  constructor(since: number) {
    this.#since = since;
  }

  add(batch: StoredBatch): void {
    this.#batches.push(batch);
  }

  /** The oldest batch leaves; answers its bytes. */
  leave(): number {
    const { next, bytes } = this.#batches[this.#left++]!;
    this.#since = next;
    if (this.#left >= compactAt && this.#left * 2 >= this.#batches.length) {
      this.#batches = this.#batches.slice(this.#left);
      this.#left = 0;
    }
    return bytes.length;
  }

  from(offset: number): readonly StoredBatch[] | undefined {
    if (offset < this.#since) return undefined;
    const batches = this.#batches;
    let low = this.#left;
    let high = batches.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (batches[middle]!.next <= offset) low = middle + 1;
      else high = middle;
    }
    return batches.slice(low);
  }
}
