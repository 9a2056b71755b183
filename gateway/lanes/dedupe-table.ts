/** What is known of an event's id: nothing yet, on its way to the log (`first` decides), or stored. */
export type Known<Pending> =
  | { readonly kind: "fresh" }
  | { readonly kind: "pending"; readonly first: Pending }
  | { readonly kind: "done"; readonly token: string; readonly receivedAtMs: number };

export type DedupeLimits = { readonly entries: number; readonly withinMs: number };
export type EventName = { readonly source: string; readonly eventId: string };

/**
 * The fast path against resent events: ids of the last `withinMs`, at most `entries` of them; those longest unseen are forgotten first, half a
 * table at a time. An id is remembered as stored only after the append is durable, so that a crash between the two cannot drop an event.
 * Best effort on purpose: what makes a resent event count once is the `dedupe` of the topology (design §6.6).
 */
export class DedupeTable<Pending extends object> {
  readonly #limits: DedupeLimits;
  #pending = 0;
  // Two generations instead of one list in order of use: taking single entries out of a large map costs more than all else here.
  #young = new Generation<Pending>();
  #old = new Generation<Pending>();

  constructor(limits: DedupeLimits) {
    this.#limits = limits;
  }

  /** Ids known, at most; one that was seen in both generations counts twice. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  look(name: EventName, nowMs: number): Known<Pending> {
    let entry = this.#young.get(name);
    if (entry === undefined) {
      entry = this.#old.get(name);
      if (entry === undefined) return fresh;
      this.#keep(entry);
    }
    if (entry.first !== undefined) return { kind: "pending", first: entry.first };
    if (entry.token === undefined || entry.receivedAtMs + this.#limits.withinMs <= nowMs) return fresh;
    return { kind: "done", token: entry.token, receivedAtMs: entry.receivedAtMs };
  }

  /** Takes note that `first` is under way. The answer must be called when its append has ended: with the token, or without one to forget it. */
  claim(name: EventName, first: Pending, receivedAtMs: number): (token: string | undefined) => void {
    const entry: Entry<Pending> = { ...name, first, token: undefined, receivedAtMs };
    this.#pending += 1;
    this.#keep(entry);
    return (token) => {
      this.#pending -= 1;
      entry.first = undefined;
      entry.token = token;
    };
  }

  #keep(entry: Entry<Pending>): void {
    this.#young.set(entry);
    if ((this.#young.size - this.#pending) * 2 < this.#limits.entries) return;
    this.#old = this.#young;
    this.#young = new Generation();
    // What is under way is never forgotten, and always in the generation that has just become the old one.
    if (this.#pending > 0) for (const entry of this.#old.entries()) if (entry.first !== undefined) this.#young.set(entry);
  }
}

type Entry<Pending> = EventName & { first: Pending | undefined; token: string | undefined; readonly receivedAtMs: number };

/** Entries by source and id: two look-ups, but no text put together for each event. */
class Generation<Pending> {
  readonly #bySource = new Map<string, Map<string, Entry<Pending>>>();
  size = 0;

  get({ source, eventId }: EventName): Entry<Pending> | undefined {
    return this.#bySource.get(source)?.get(eventId);
  }

  *entries(): Iterable<Entry<Pending>> {
    for (const ofSource of this.#bySource.values()) yield* ofSource.values();
  }

  set(entry: Entry<Pending>): void {
    let ofSource = this.#bySource.get(entry.source);
    if (ofSource === undefined) this.#bySource.set(entry.source, (ofSource = new Map()));
    const before = ofSource.size;
    ofSource.set(entry.eventId, entry);
    this.size += ofSource.size - before;
  }
}

const fresh = { kind: "fresh" } as const;
