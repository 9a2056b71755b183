/** An event that waits to be on the log. */
export type Held = {
  readonly eventId: string;
  readonly key: string;
  /** Its JSON, made once. */
  readonly text: string;
  readonly bytes: number;
  readonly heldAtMs: number;
  /** Not to be sent before, ms. */
  notBeforeMs: number;
  attempts: number;
  inFlight: boolean;
  readonly settle: (receipt: Receipt) => void;
  readonly fail: (error: Error) => void;
};

/** What the gateway said of an event that is on the log. */
export type Receipt = {
  readonly eventId: string;
  /** `duplicate`: it was there already, which is as good. */
  readonly status: "accepted" | "duplicate";
  /** Where it lies: a query asked `after` it waits until it shows the event. */
  readonly token: string;
  readonly warnings: readonly { readonly code: string; readonly pointer: string; readonly detail: string }[];
};

export type BatchLimits = { readonly events: number; readonly bytes: number };

/** Events in the order in which they were given, until each is settled. Never two of one key at once under way in different requests. */
export class Outbox {
  #events: Held[] = [];
  bytes = 0;

  get size(): number {
    return this.#events.length;
  }

  get all(): readonly Held[] {
    return this.#events;
  }

  add(event: Held): void {
    this.#events.push(event);
    this.bytes += event.bytes;
  }

  /** Forgets those that are settled. */
  remove(settled: ReadonlySet<Held>): void {
    if (settled.size === 0) return;
    this.#events = this.#events.filter((event) => !settled.has(event));
    for (const { bytes } of settled) this.bytes -= bytes;
  }

  /**
   * The next events to send, in order: none whose key has an earlier event that is under way or may not be sent yet. `whole`: there are more that could be
   * sent at once, so that waiting for company is of no use. `dueMs`: when the first of those that may not be sent yet may be.
   */
  next(limits: BatchLimits, nowMs: number): { readonly batch: readonly Held[]; readonly whole: boolean; readonly dueMs: number } {
    const batch: Held[] = [];
    const blocked = new Set<string>();
    let bytes = 0;
    let dueMs = Number.POSITIVE_INFINITY;
    for (const event of this.#events) {
      const { key } = event;
      if (event.inFlight || blocked.has(key)) {
        blocked.add(key);
        continue;
      }
      if (event.notBeforeMs > nowMs) {
        dueMs = Math.min(dueMs, event.notBeforeMs);
        blocked.add(key);
        continue;
      }
      if (batch.length === limits.events || (batch.length > 0 && bytes + event.bytes > limits.bytes)) return { batch, whole: true, dueMs };
      batch.push(event);
      bytes += event.bytes;
    }
    return { batch, whole: batch.length === limits.events || bytes >= limits.bytes, dueMs };
  }
}
