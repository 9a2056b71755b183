/** One answer as the tail shows it: no payload, no key of the sender's. */
export type TailEntry = {
  /** Rises by one an entry; what `since` asks for. */
  readonly n: number;
  readonly at: string;
  readonly status: "accepted" | "duplicate" | "rejected" | "retry";
  readonly eventId: string | null;
  readonly eventType: string | null;
  readonly code?: string;
  readonly pointer?: string;
  readonly detail?: string;
};

/** The last answers given to events, for people who want to see what comes and what is refused. Bounded; what is older is gone. */
export class Tail {
  readonly #ring: (Omit<TailEntry, "n"> | undefined)[];
  #next = 1;

  constructor(size = 200) {
    this.#ring = Array.from({ length: size });
  }

  /** The number of the newest entry, 0 before the first. */
  get last(): number {
    return this.#next - 1;
  }

  add(entry: Omit<TailEntry, "n">): void {
    this.#ring[this.#next % this.#ring.length] = entry;
    this.#next += 1;
  }

  /** Entries after number `since`, the oldest first, as far as they are still there. */
  since(since: number): readonly TailEntry[] {
    const first = Math.max(since + 1, this.#next - this.#ring.length, 1);
    return Array.from({ length: Math.max(0, this.#next - first) }, (_, i) => ({
      n: first + i,
      ...this.#ring[(first + i) % this.#ring.length]!,
    }));
  }
}
