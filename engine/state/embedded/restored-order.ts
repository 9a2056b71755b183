import type { RestoredKeys } from "./restored-keys.ts";

/** Rows of a bucket, about: sorting one takes half a millisecond. */
const bucketRows = 1024;
const sampledPerBucket = 4;

/**
 * The rows of restored keys in the order of store, then key: split by ranges first, a few rows a call, then sorted a range at a time when it is come to.
 * Rows that are added afterwards are not in it.
 */
export class RestoredOrder {
  private readonly keys: RestoredKeys;
  /** Bucket i holds what is not below bound i − 1, and below bound i. */
  private readonly bounds: number[];
  private readonly buckets: number[][];
  private readonly sorted: boolean[];
  private split = 0;

  constructor(keys: RestoredKeys) {
    this.keys = keys;
    const buckets = Math.max(1, Math.ceil(keys.count / bucketRows));
    const samples: number[] = [];
    const step = keys.count / (buckets * sampledPerBucket);
    for (let at = 0; at < keys.count; at += Math.max(1, step)) samples.push(Math.floor(at));
    samples.sort((a, b) => keys.compare(a, b));
    this.bounds = Array.from({ length: buckets - 1 }, (_, i) => samples[Math.floor(((i + 1) * samples.length) / buckets)]!);
    this.buckets = Array.from({ length: buckets }, () => []);
    this.sorted = this.buckets.map(() => false);
  }

  /** Splits about `rows` more; true when all are split, and rows can be asked for. */
  prepare(rows: number): boolean {
    const { keys } = this;
    const end = Math.min(keys.count, this.split + rows);
    for (let row = this.split; row < end; row++) if (keys.isLive(row)) this.buckets[this.bucketOf(row)]!.push(row);
    this.split = end;
    return end === keys.count;
  }

  /** Live rows in their order from the first one that is not below. */
  *from(store: number, key: Uint8Array): Generator<number, void> {
    this.prepare(Infinity);
    const { keys } = this;
    let bucket = this.firstBucket(store, key);
    for (let first = true; bucket < this.buckets.length; bucket++, first = false) {
      const rows = this.sortedBucket(bucket);
      let at = 0;
      if (first)
        for (let end = rows.length; at < end;) {
          const middle = (at + end) >>> 1;
          if (keys.compareTo(rows[middle]!, store, key) < 0) at = middle + 1;
          else end = middle;
        }
      for (; at < rows.length; at++) if (keys.isLive(rows[at]!)) yield rows[at]!;
    }
  }

  private sortedBucket(bucket: number): readonly number[] {
    const rows = this.buckets[bucket]!;
    if (!this.sorted[bucket]) rows.sort((a, b) => this.keys.compare(a, b));
    this.sorted[bucket] = true;
    return rows;
  }

  private bucketOf(row: number): number {
    return this.upper((bound) => this.keys.compare(bound, row));
  }

  private firstBucket(store: number, key: Uint8Array): number {
    return this.upper((bound) => this.keys.compareTo(bound, store, key));
  }

  /** The number of bounds that are not above. */
  private upper(compare: (bound: number) => number): number {
    let low = 0;
    let high = this.bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(this.bounds[middle]!) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
