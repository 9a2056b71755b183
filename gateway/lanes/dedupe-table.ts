import { idHash } from "./id-hash.ts";
import { type EventName, type StoredAt, StoredIds } from "./stored-ids.ts";

/** What is known of an event's id: nothing yet, on its way to the log (`first` decides), or stored. */
export type Known<Pending> =
  | { readonly kind: "fresh" }
  | { readonly kind: "pending"; readonly first: Pending }
  | { readonly kind: "done"; readonly token: string; readonly receivedAtMs: number };

export type DedupeLimits = { readonly entries: number; readonly withinMs: number };

/**
 * The fast path against resent events: ids of the last `withinMs`, at most `entries` of them; those longest unseen are forgotten first, half a
 * table at a time. An id is remembered as stored only after the append is durable, so that a crash between the two cannot drop an event.
 * Best effort on purpose: what makes a resent event count once is the `dedupe` of the topology (design §6.6).
 */
export class DedupeTable<Pending extends object> {
  readonly #limits: DedupeLimits;
  readonly #pending = new Names<{ first: Pending | undefined }>();
  // Two generations instead of one list in order of use: taking single entries out of a large map costs more than all else here.
  #young = new StoredIds();
  #old = new StoredIds();
  readonly #hash = idHash();
  /** Who looks an id up claims it next, nearly always. */
  #looked = { eventId: "", hash: 0 };

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
    const hash = this.#hashOf(name);
    let known = this.#young.get(name, hash);
    if (known === undefined) {
      known = this.#old.get(name, hash);
      if (known === undefined) return fresh;
      this.#keep(name, hash, known);
    }
    const { prefix, offset, receivedAtMs } = known;
    return receivedAtMs + this.#limits.withinMs <= nowMs ? fresh : { kind: "done", token: `${prefix}${offset}`, receivedAtMs };
  }

  /** Takes note that `first` is under way. The answer must be called when its append has ended: with its place, or without one to forget it. */
  claim(name: EventName, first: Pending, receivedAtMs: number): (at: Omit<StoredAt, "receivedAtMs"> | undefined) => void {
    const pending: { first: Pending | undefined } = { first };
    const hash = this.#hashOf(name);
    this.#pending.set(name, pending);
    return (at) => {
      this.#pending.delete(name);
      // A map that is busy leaves copies of itself behind, with what was in it.
      pending.first = undefined;
      if (at !== undefined) this.#keep(name, hash, { prefix: at.prefix, offset: at.offset, receivedAtMs });
    };
  }

  #hashOf({ eventId }: EventName): number {
    const looked = this.#looked;
    if (looked.eventId !== eventId) {
      looked.hash = this.#hash(eventId);
      looked.eventId = eventId;
    }
    return looked.hash;
  }

  #keep(name: EventName, hash: number, stored: StoredAt): void {
    this.#young.set(name, hash, stored);
    if (this.#young.size * 2 < this.#limits.entries) return;
    this.#old = this.#young;
    this.#young = new StoredIds();
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

const fresh = { kind: "fresh" } as const;
