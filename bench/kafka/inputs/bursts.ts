/** A payment that is due at `at` on a card, with so many of its burst left. */
export type Burst = { readonly at: number; readonly card: number; readonly left: number };

/** A binary heap by time, then card: of equals it gives the same one first as Java's `PriorityQueue`, so that inputs are equal byte by byte. */
export class Bursts {
  readonly #heap: Burst[] = [];

  /** Takes the first one when it is due by `now`. */
  takeDue(now: number): Burst | undefined {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined || first.at > now) return undefined;
    const last = heap.pop()!;
    if (heap.length > 0) this.#sink(last);
    return first;
  }

  add(burst: Burst): void {
    const heap = this.#heap;
    let at = heap.push(burst) - 1;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (compare(burst, heap[parent]!) >= 0) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = burst;
  }

  #sink(burst: Burst): void {
    const heap = this.#heap;
    let at = 0;
    for (const half = heap.length >>> 1; at < half;) {
      let child = 2 * at + 1;
      if (child + 1 < heap.length && compare(heap[child]!, heap[child + 1]!) > 0) child += 1;
      if (compare(burst, heap[child]!) <= 0) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = burst;
  }
}

const compare = (a: Burst, b: Burst): number => (a.at === b.at ? a.card - b.card : a.at - b.at);
