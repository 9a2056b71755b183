import type { StateBase } from "./base.ts";
import { FoldOrder } from "./fold-order.ts";
import type { Generation } from "./generation.ts";
import { type Entry, entryFlags } from "./segment.ts";

/** Sorting without giving an entry counts as this many. */
const pauseCost = 128;

/**
 * Moves one closed generation into the base, a slice a call. What was committed again in a newer generation is left to that one. An entry with
 * uncommitted changes cannot be written (memory has its uncommitted value) and waits for its commit, which takes it to the newer generation.
 */
export class Folding {
  readonly generation: Generation;
  private readonly base: StateBase;
  private readonly order: FoldOrder;
  private ordered = false;
  /** Given by the order and not written yet, because they were not settled or because a transaction failed. */
  private waiting: Entry<unknown>[] = [];
  /** Of expired windows, where those are told first: nothing is written of them, but their deltas have to stay. */
  private readonly untold: Entry<unknown>[] = [];

  constructor(generation: Generation, base: StateBase) {
    this.generation = generation;
    this.base = base;
    this.order = new FoldOrder(generation.lists, (entry) => this.wanted(entry));
  }

  /** About how many entries can be folded now. */
  get left(): number {
    return this.order.left + this.waiting.filter((entry) => this.wanted(entry) && isSettled(entry)).length;
  }

  /** False when all that is left waits for a commit. */
  get able(): boolean {
    if (!this.ordered || this.left > 0) return true;
    return this.allTold() && this.waiting.every((entry) => !this.wanted(entry));
  }

  /** Writes about `entries` entries; true when the whole generation is in the base, and the base says so; `atEnd` writes in that transaction. */
  fold(entries: number, atEnd: () => void): boolean {
    const slice = this.gather(entries);
    const finished = this.ordered && this.waiting.length === 0 && this.allTold();
    if (slice.length === 0 && !finished) return false;
    try {
      this.base.transaction(() => {
        for (const entry of slice) {
          const { segment, key } = entry;
          const bytes = segment.encoded(entry);
          if (bytes === undefined) segment.home.base.delete(segment.rowKey(key));
          else segment.home.base.put(segment.rowKey(key), bytes);
        }
        if (!finished) return;
        atEnd();
        this.base.markFolded(this.generation.upTo);
      });
    } catch (error) {
      this.waiting = slice.concat(this.waiting);
      throw error;
    }
    for (const entry of slice) entry.segment.folded(entry);
    return finished;
  }

  private gather(entries: number): Entry<unknown>[] {
    const slice: Entry<unknown>[] = [];
    const waiting: Entry<unknown>[] = [];
    const sort = (entry: Entry<unknown>): void => {
      if (!this.wanted(entry)) return;
      if (entry.segment.gone) this.untold.push(entry);
      else (isSettled(entry) ? slice : waiting).push(entry);
    };
    this.waiting.forEach(sort);
    for (let budget = entries - slice.length; budget > 0 && !this.ordered;) {
      const run = this.order.next();
      if (run === undefined) this.ordered = true;
      else run.forEach(sort);
      budget -= run?.length || pauseCost;
    }
    this.waiting = waiting;
    return slice;
  }

  /** In whichever order they are told, each is looked at once or twice. */
  private allTold(): boolean {
    const { untold } = this;
    while (untold.length > 0 && !this.wanted(untold.at(-1)!)) untold.pop();
    return untold.length === 0;
  }

  private wanted({ generation, segment }: Entry<unknown>): boolean {
    return generation === this.generation.number && (!segment.gone || this.base.tellsExpired);
  }
}

/** Memory has the entry's committed value, and its window is not being expired. */
const isSettled = (entry: Entry<unknown>): boolean => (entry.flags & (entryFlags.dirty | entryFlags.taken)) === 0 && !entry.segment.dropped;
