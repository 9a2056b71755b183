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
  readonly #pending = new Names<{ first: Pending | undefined }>();
  // Two generations instead of one list in order of use: taking single entries out of a large map costs more than all else here.
  #young = new Generation();
  #old = new Generation();

  constructor(limits: DedupeLimits) {
    this.#limits = limits;
  }

  /** Ids known, at most; one that was seen in both generations counts twice. */
  get size(): number {
    return this.#pending.size + this.#young.size + this.#old.size;
  }

  look(name: EventName, nowMs: number): Known<Pending> {
    const first = this.#pending.get(name)?.first;
    if (first !== undefined) return { kind: "pending", first };
    let known = this.#young.get(name);
    if (known === undefined) {
      known = this.#old.get(name);
      if (known === undefined) return fresh;
      this.#keep(name, known);
    }
    return known.receivedAtMs + this.#limits.withinMs <= nowMs ? fresh : known;
  }

  /** Takes note that `first` is under way. The answer must be called when its append has ended: with the token, or without one to forget it. */
  claim(name: EventName, first: Pending, receivedAtMs: number): (token: string | undefined) => void {
    const pending: { first: Pending | undefined } = { first };
    this.#pending.set(name, pending);
    return (token) => {
      this.#pending.delete(name);
      // A map that is busy leaves copies of itself behind, with what was in it.
      pending.first = undefined;
      if (token !== undefined) this.#keep(name, { token, receivedAtMs });
    };
  }

  #keep(name: EventName, stored: { readonly token: string; readonly receivedAtMs: number }): void {
    this.#young.set(name, stored);
    if (this.#young.size * 2 < this.#limits.entries) return;
    this.#old = this.#young;
    this.#young = new Generation();
  }
}

/** Something by source and id: two look-ups, but no text put together for each event. */
class Names<T> {
  readonly #bySource = new Map<string, Map<string, T>>();
  size = 0;

  get({ source, eventId }: EventName): T | undefined {
    return this.#bySource.get(source)?.get(eventId);
  }

  set({ source, eventId }: EventName, value: T): void {
    let ofSource = this.#bySource.get(source);
    if (ofSource === undefined) this.#bySource.set(source, (ofSource = new Map()));
    const before = ofSource.size;
    ofSource.set(eventId, value);
    this.size += ofSource.size - before;
  }

  delete({ source, eventId }: EventName): void {
    const ofSource = this.#bySource.get(source);
    if (ofSource?.delete(eventId) !== true) return;
    this.size -= 1;
    // Sources are the senders' to name.
    if (ofSource.size === 0) this.#bySource.delete(source);
  }
}

type Done = Known<never> & { readonly kind: "done" };

/** Stored ids in columns: of an object for each of them, collecting garbage would take longer than the table saves. */
class Generation {
  readonly #slots = new Names<number>();
  readonly #prefixes: string[] = [];
  /** What stands behind the prefix of a token; a text where it is no exact number. */
  readonly #offsets: (number | string)[] = [];
  readonly #receivedAtMs: number[] = [];
  /** Each prefix once. */
  readonly #known = new Map<string, string>();

  get size(): number {
    return this.#receivedAtMs.length;
  }

  get(name: EventName): Done | undefined {
    const slot = this.#slots.get(name);
    if (slot === undefined) return undefined;
    return { kind: "done", token: `${this.#prefixes[slot]!}${this.#offsets[slot]!}`, receivedAtMs: this.#receivedAtMs[slot]! };
  }

  set(name: EventName, { token, receivedAtMs }: { readonly token: string; readonly receivedAtMs: number }): void {
    const cut = token.lastIndexOf(":") + 1;
    const prefix = token.slice(0, cut);
    const offset = token.slice(cut);
    let known = this.#known.get(prefix);
    if (known === undefined) this.#known.set(prefix, (known = prefix));
    this.#slots.set(name, this.size);
    this.#prefixes.push(known);
    this.#offsets.push(String(Number(offset)) === offset ? Number(offset) : offset);
    this.#receivedAtMs.push(receivedAtMs);
  }
}

const fresh = { kind: "fresh" } as const;
