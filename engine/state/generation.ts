import type { Entry, Segment } from "./segment.ts";

/** The part of the tail between two bounds: its deltas are folded, and then dropped, together. */
export class Generation {
  readonly number: number;
  /** Its last commit. */
  upTo: bigint;
  /** Entries and bytes of its deltas. */
  entries = 0;
  bytes = 0;
  /** Keys whose newest delta was in it when it came. */
  keys = 0;
  readonly lists = new Map<Segment<unknown>, Entry<unknown>[]>();
  private lastSegment: Segment<unknown> | undefined;
  private lastList: Entry<unknown>[] = [];

  constructor(number: number, upTo: bigint) {
    this.number = number;
    this.upTo = upTo;
  }

  /** The entry's newest delta is in this generation from now on. */
  add(entry: Entry<unknown>): void {
    if (entry.generation === this.number) return;
    entry.generation = this.number;
    this.keys += 1;
    if (entry.segment !== this.lastSegment) {
      this.lastSegment = entry.segment;
      const list = this.lists.get(entry.segment);
      this.lastList = list ?? [];
      if (list === undefined) this.lists.set(entry.segment, this.lastList);
    }
    this.lastList.push(entry);
  }
}
