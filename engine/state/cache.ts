import { type CacheCount, type Entry, entryFlags } from "./segment.ts";
import type { LiveStore } from "./live-store.ts";

/** Steps of the hand for one entry that came. */
const stepsPerEntry = 8;

/** Lets the least recently used of the folded entries of a task leave memory: a clock over all its stores. */
export class Cache implements CacheCount {
  count = 0;
  private readonly limit: () => number;
  private readonly stores: () => Iterable<LiveStore>;
  private hand: Generator<Entry<unknown>, void> | undefined;

  constructor(limit: () => number, stores: () => Iterable<LiveStore>) {
    this.limit = limit;
    this.stores = stores;
  }

  /** Moves the hand for `entries` that came; may end above the limit, and is then below it some calls later. */
  makeRoom(entries: number): void {
    const limit = this.limit();
    for (let steps = entries * stepsPerEntry + 8; this.count > limit && steps > 0; steps--) {
      this.hand ??= this.turn();
      const step = this.hand.next();
      if (step.done === true) {
        this.hand = undefined;
        continue;
      }
      const entry = step.value;
      if ((entry.flags & entryFlags.used) !== 0) entry.flags &= ~entryFlags.used;
      else if ((entry.flags & entryFlags.cached) !== 0) entry.segment.evict(entry);
    }
  }

  /** The iterators of a Map live: what is added comes at the end, what is deleted is passed over. */
  private *turn(): Generator<Entry<unknown>, void> {
    for (const store of this.stores()) for (const segment of store.segments()) yield* segment.entries.values();
  }
}
