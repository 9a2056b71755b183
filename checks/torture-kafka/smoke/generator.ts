import { partitionOf } from "@millrace/engine";
import { seededRandom, type SeededRandom } from "#schemas/testing/seeded-random.ts";
import { dayMs } from "./plan.ts";

export type SmokeRecord = { readonly key: string; readonly value: number; readonly timestamp: number };

export type GeneratorOptions = {
  readonly seed: number;
  /** M: how many values each key gets. */
  readonly valuesPerKey: number;
  /** How many keys are sent at the same time; when one is through, the next one begins. */
  readonly keysAtOnce: number;
  /** How many keys there are at most. */
  readonly mostKeys?: number;
  /** Event time from one record to the next, ms. */
  readonly stepMs: number;
  readonly partitions: number;
};

const shuffleReach = 9;
/** An hour into a window of two days, which is an hour into one of one day. */
const begin = Math.floor(1_790_000_000_000 / (2 * dayMs)) * 2 * dayMs + 3_600_000;

/**
 * The smoke test's input, endless: key number i is `i-(i+M-1)` and gets every integer of that range once, shuffled a little, keys interleaved at
 * random. Times are simulated, one step a record, so that a run fits into the windows however long it takes.
 */
export class SmokeGenerator {
  readonly #options;
  readonly #random: SeededRandom;
  readonly #open: { readonly key: string; readonly values: number[] }[] = [];
  #keys = 0;
  #sent = 0;
  #mayBegin = true;

  constructor(options: GeneratorOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
  }

  /** N: how many keys there are so far. */
  get keys(): number {
    return this.#keys;
  }

  /** Undefined once no key may begin and all have got their values. */
  next(): SmokeRecord | undefined {
    const { keysAtOnce, stepMs, mostKeys = Infinity } = this.#options;
    while (this.#mayBegin && this.#keys < mostKeys && this.#open.length < keysAtOnce) this.#open.push(this.#begin());
    if (this.#open.length === 0) return undefined;
    const at = this.#random.between(0, this.#open.length - 1);
    const { key, values } = this.#open[at]!;
    const value = values.pop()!;
    if (values.length === 0) this.#open.splice(at, 1);
    const timestamp = begin + stepMs * this.#sent++;
    if (timestamp >= begin + dayMs - 7_200_000) throw new RangeError("the run is longer than the windows of its answers");
    return { key, value, timestamp };
  }

  /** No key begins any more, unless it was said how many there are. */
  finish(): void {
    this.#mayBegin = this.#options.mostKeys !== undefined;
  }

  /** When the record is that closes every window. */
  get flushTime(): number {
    return begin + 2 * dayMs;
  }

  partitionOf(key: string): number {
    return partitionOf(key, this.#options.partitions);
  }

  #begin(): { readonly key: string; readonly values: number[] } {
    const first = this.#keys++;
    const last = first + this.#options.valuesPerKey - 1;
    const values = Array.from({ length: last - first + 1 }, (_, i) => first + i);
    for (let at = 0; at < values.length; at++) {
      const other = this.#random.between(at, Math.min(at + shuffleReach, values.length - 1));
      [values[at], values[other]] = [values[other]!, values[at]!];
    }
    return { key: `${first}-${last}`, values: values.reverse() };
  }
}
