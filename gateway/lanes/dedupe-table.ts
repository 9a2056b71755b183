/** What is known of an event's id: nothing yet, on its way to the log (`first` decides), or stored. */
export type Known<Pending> =
  | { readonly kind: "fresh" }
  | { readonly kind: "pending"; readonly first: Pending }
  | { readonly kind: "done"; readonly token: string; readonly receivedAtMs: number };

export type DedupeLimits = { readonly entries: number; readonly withinMs: number };

/**
 * The fast path against resent events: ids of the last `withinMs`, at most `entries` of them, the longest unseen forgotten first. An id is
 * remembered as stored only after the append is durable, so that a crash between the two cannot drop an event. Best effort on purpose:
 * what makes a resent event count once is the `dedupe` of the topology (design §6.6).
 */
export class DedupeTable<Pending extends object> {
  readonly #limits: DedupeLimits;
  readonly #pending = new Map<string, Pending>();
  // In the order of last use: the first is forgotten first.
  readonly #done = new Map<string, Done>();

  constructor(limits: DedupeLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#pending.size + this.#done.size;
  }

  look(id: string, nowMs: number): Known<Pending> {
    const first = this.#pending.get(id);
    if (first !== undefined) return { kind: "pending", first };
    const done = this.#done.get(id);
    if (done === undefined) return fresh;
    this.#done.delete(id);
    if (done.receivedAtMs + this.#limits.withinMs <= nowMs) return fresh;
    this.#done.set(id, done);
    return { kind: "done", token: done.token, receivedAtMs: done.receivedAtMs };
  }

  /** Takes note that `first` is under way; `settle` must follow. */
  claim(id: string, first: Pending): void {
    this.#pending.set(id, first);
  }

  /** The append of an id ended: with a token it is stored and remembered, without one forgotten, so that it can be sent again. */
  settle(id: string, token: string | undefined, receivedAtMs: number): void {
    this.#pending.delete(id);
    if (token === undefined) return;
    this.#done.set(id, { token, receivedAtMs });
    if (this.#done.size <= this.#limits.entries) return;
    const oldest = this.#done.keys().next();
    if (!oldest.done) this.#done.delete(oldest.value);
  }
}

type Done = { readonly token: string; readonly receivedAtMs: number };
const fresh = { kind: "fresh" } as const;
