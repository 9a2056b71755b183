import type { StoredBatch } from "./batch-table.ts";
import type { Partition } from "./partitions.ts";

type Kept = Omit<StoredBatch, "bytes"> & {
  /** Where its bytes begin, counted from the first that was ever kept. */
  readonly at: number;
  readonly length: number;
};

const compactAt = 1024;

/**
 * The newest batches of all partitions in memory, those longest there leave first: what the page cache is to Kafka's broker. Nearly every reader
 * reads what was written a moment ago, and asking the file for a batch costs more than processing its records. Bytes are copied into one ring and
 * out of it: what was kept as it came would be garbage only when it is old, and wait for a full collection.
 */
export class LogTail {
  readonly #capacity: number;
  readonly #tails = new Map<Partition, PartitionTail>();
  #ring: Buffer | undefined;
  #end = 0;
  /** Whose batch came when. */
  #order: PartitionTail[] = [];
  #left = 0;

  /** With a capacity of 0 bytes it keeps nothing. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** The partition's next batch, in the file already. */
  add(partition: Partition, { bytes, ...batch }: StoredBatch): void {
    if (this.#capacity === 0) return;
    let tail = this.#tails.get(partition);
    if (tail === undefined) this.#tails.set(partition, (tail = new PartitionTail(batch.base)));
    const { length } = bytes;
    // One that would push out most of the others is left to the file.
    if (length * 4 > this.#capacity) return tail.forget(batch.next);
    const room = this.#capacity - (this.#end % this.#capacity);
    const at = room < length ? this.#end + room : this.#end;
    this.#end = at + length;
    while (this.#left < this.#order.length && this.#order[this.#left]!.oldest!.at < this.#end - this.#capacity) {
      this.#order[this.#left++]!.leave();
    }
    this.#ring ??= Buffer.allocUnsafeSlow(this.#capacity);
    this.#ring.set(bytes, at % this.#capacity);
    tail.add({ ...batch, at, length });
    this.#order.push(tail);
    if (this.#left < compactAt || this.#left * 2 < this.#order.length) return;
    this.#order = this.#order.slice(this.#left);
    this.#left = 0;
  }

  /** All batches that hold, or lie behind, the offset, each with bytes of its own; undefined when some of them were not kept. */
  from(partition: Partition, offset: number): Iterable<StoredBatch> | undefined {
    const kept = this.#tails.get(partition)?.from(offset);
    return kept && this.#copies(kept);
  }

  /** Forgets everything: the transaction that wrote some of it has failed. */
  clear(): void {
    this.#tails.clear();
    this.#order = [];
    this.#left = 0;
  }

  *#copies(batches: readonly Kept[]): IterableIterator<StoredBatch> {
    for (const { at, length, ...batch } of batches) {
      const bytes = new Uint8Array(length);
      bytes.set(this.#ring!.subarray(at % this.#capacity, (at % this.#capacity) + length));
      yield { ...batch, bytes };
    }
  }
}

/** One partition's batches; from `since` on there is none missing. */
class PartitionTail {
  #since: number;
  #batches: Kept[] = [];
  #left = 0;

  constructor(since: number) {
    this.#since = since;
  }

  get oldest(): Kept | undefined {
    return this.#batches[this.#left];
  }

  add(batch: Kept): void {
    this.#batches.push(batch);
  }

  /** The oldest batch leaves. */
  leave(): void {
    this.#since = Math.max(this.#since, this.#batches[this.#left++]!.next);
    if (this.#left < compactAt || this.#left * 2 < this.#batches.length) return;
    this.#batches = this.#batches.slice(this.#left);
    this.#left = 0;
  }

  /** Those before `next` count as gone; they leave in their turn. */
  forget(next: number): void {
    this.#since = next;
  }

  from(offset: number): readonly Kept[] | undefined {
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
