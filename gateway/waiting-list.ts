/** A place in a `WaitingList`. */
export class Place<T> {
  readonly value: T;
  next: Place<T> | undefined;
  previous: Place<T> | undefined;

  constructor(value: T) {
    this.value = value;
  }
}

/**
 * What waits, in order of coming; each can leave at any time. Not a Set: one from which things leave as fast as they come is copied again and
 * again, and as soon as one copy is old, all that were ever in the later ones stay until the next full collection.
 */
export class WaitingList<T> {
  size = 0;
  #first: Place<T> | undefined;
  #last: Place<T> | undefined;

  add(value: T): Place<T> {
    const place = new Place(value);
    place.previous = this.#last;
    if (this.#last === undefined) this.#first = place;
    else this.#last.next = place;
    this.#last = place;
    this.size += 1;
    return place;
  }

  /** Once for each place. */
  remove(place: Place<T>): void {
    const { previous, next } = place;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    // What has left holds on to nothing that is still there.
    place.next = undefined;
    place.previous = undefined;
    this.size -= 1;
  }

  /** In order; the one that was given last may be removed meanwhile. */
  *[Symbol.iterator](): IterableIterator<T> {
    for (let place = this.#first; place !== undefined;) {
      const { next } = place;
      yield place.value;
      place = next;
    }
  }
}
