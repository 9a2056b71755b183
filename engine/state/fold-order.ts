import type { Entry, Segment } from "./segment.ts";

/** Entries that are sorted in one go; and a list this long or shorter is not split further. */
const runLength = 512;
const pauseEvery = 1024;
const maxBuckets = 1024;

/**
 * Gives the entries of a generation in key order, a few at a time: lists are split by ranges of keys until they are short enough to sort, so that
 * no call takes longer than a millisecond or so. Order only makes writing cheap; nothing depends on its being exact.
 */
export class FoldOrder {
  /** Entries not given yet; those that are not wanted any more are counted until they are come by. */
  left = 0;
  private readonly wanted: (entry: Entry<unknown>) => boolean;
  private readonly steps: Generator<Entry<unknown>[], void>;

  constructor(lists: ReadonlyMap<Segment<unknown>, Entry<unknown>[]>, wanted: (entry: Entry<unknown>) => boolean) {
    for (const list of lists.values()) this.left += list.length;
    this.wanted = wanted;
    this.steps = this.overSegments(
      [...lists].sort(([a], [b]) => (a.home === b.home ? a.start - b.start : a.home.name < b.home.name ? -1 : 1)),
    );
  }

  /** The next entries, none when it was only sorting, or undefined at the end. */
  next(): Entry<unknown>[] | undefined {
    const step = this.steps.next();
    return step.done === true ? undefined : step.value;
  }

  private *overSegments(lists: (readonly [Segment<unknown>, Entry<unknown>[]])[]): Generator<Entry<unknown>[], void> {
    for (const [segment, list] of lists) {
      if (!segment.gone) yield* this.inKeyOrder(list);
      else {
        this.left -= list.length;
        yield list.filter(this.wanted);
      }
    }
  }

  private *inKeyOrder(list: Entry<unknown>[]): Generator<Entry<unknown>[], void> {
    if (list.length <= runLength) {
      this.left -= list.length;
      yield list.filter(this.wanted).sort((a, b) => (a.key < b.key ? -1 : 1));
      return;
    }
    const ranges = new KeyRanges(list);
    for (let i = 0; i < list.length; i++) {
      const entry = list[i]!;
      if (this.wanted(entry)) ranges.add(entry);
      else this.left -= 1;
      if (i % pauseEvery === pauseEvery - 1) yield [];
    }
    for (const bucket of ranges.buckets) if (bucket.length > 0) yield* this.inKeyOrder(bucket);
  }
}

/** Splits entries by the few characters behind what all keys of a sample begin with. */
class KeyRanges {
  readonly buckets: Entry<unknown>[][];
  private readonly common: string;
  /** Some key of the sample is not Latin-1. */
  private readonly wide: boolean;
  /** Bucket i holds what is not above bound i, and above the one before; the last one the rest. */
  private readonly bounds: Float64Array;

  constructor(list: readonly Entry<unknown>[]) {
    const ranges = Math.min(maxBuckets, Math.ceil(list.length / (runLength / 2)));
    const step = list.length / (ranges * 2);
    const sample: string[] = [];
    for (let at = 0; at < list.length; at += step) sample.push(list[Math.floor(at)]!.key);
    this.common = commonStart(sample);
    this.wide = sample.some((key) => /[\u00fe-\uffff]/.test(key));
    // Keys are distinct, so there are two points at least, and no bucket is as long as the list.
    const points = [...new Set(sample.map((key) => this.point(key)))].sort((a, b) => a - b);
    const bounds = Math.min(ranges, points.length) - 1;
    this.bounds = Float64Array.from({ length: bounds }, (_, i) => points[Math.floor(((i + 1) * (points.length - 1)) / (bounds + 1))]!);
    this.buckets = Array.from({ length: bounds + 1 }, () => []);
  }

  add(entry: Entry<unknown>): void {
    const point = this.point(entry.key);
    const { bounds } = this;
    let low = 0;
    let high = bounds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (bounds[middle]! < point) low = middle + 1;
      else high = middle;
    }
    this.buckets[low]!.push(entry);
  }

  private point(key: string): number {
    const { common } = this;
    const from = common.length;
    if (!key.startsWith(common)) return key < common ? -1 : Infinity;
    const [characters, values] = this.wide ? [3, 0x1_0001] : [6, 0x100];
    let point = 0;
    for (let i = from; i < from + characters; i++)
      point = point * values + (i < key.length ? Math.min(key.charCodeAt(i), values - 2) + 1 : 0);
    return point;
  }
}

function commonStart(keys: readonly string[]): string {
  const first = keys[0] ?? "";
  let length = first.length;
  for (const key of keys) {
    length = Math.min(length, key.length);
    for (let i = 0; i < length; i++) if (key.charCodeAt(i) !== first.charCodeAt(i)) length = i;
  }
  return first.slice(0, length);
}
