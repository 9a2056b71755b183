import type { Clock } from "./clock.ts";
import type { EventDraft } from "./event-draft.ts";
import type { Pace } from "./pace.ts";

/** Events as one request holds them, in order: their JSON texts stay the same however often they are sent. */
export type Batch = readonly PreparedEvent[];
export type PreparedEvent = Omit<EventDraft, "head" | "tail"> & { readonly text: string; readonly bytes: number };

export type BatchLimits = { readonly events: number; readonly bytes: number };

/** The gateway takes 1 MiB on the wire; the brackets and commas of the array find room in what is left. */
export const maxBatchBytes = 1_040_000;

/** Takes events from their source as they become due and gathers them to batches. */
export class Batcher {
  readonly #source: Iterator<EventDraft>;
  readonly #pace: Pace;
  readonly #stamp: "data" | "now";
  readonly #limits: BatchLimits;
  readonly #clock: Clock;
  #next: EventDraft | undefined;
  #due = 0;
  #left: PreparedEvent | undefined;
  #stamped = { at: Number.NaN, text: "" };

  constructor(
    source: Iterator<EventDraft>,
    pace: Pace,
    { stamp, limits, clock }: { stamp: "data" | "now"; limits: BatchLimits; clock: Clock },
  ) {
    this.#source = source;
    this.#pace = pace;
    this.#stamp = stamp;
    this.#limits = limits;
    this.#clock = clock;
    this.#advance();
  }

  /** Whether every event was taken. */
  get done(): boolean {
    return this.#next === undefined && this.#left === undefined;
  }

  /** Milliseconds until the next event is due; 0 when one is due already. */
  get wait(): number {
    return this.#left === undefined ? Math.max(0, this.#due - this.#clock.now()) : 0;
  }

  /** The events that are due, as many as one request takes; may be none. At least one is taken if any is due, however large. */
  take(): Batch {
    const batch: PreparedEvent[] = [];
    const now = this.#clock.now();
    let bytes = 0;
    while (batch.length < this.#limits.events) {
      const event = this.#left ?? (this.#next !== undefined && this.#due <= now ? this.#prepare(this.#next, now) : undefined);
      if (event === undefined) break;
      this.#left = event;
      if (batch.length > 0 && bytes + event.bytes > this.#limits.bytes) break;
      this.#left = undefined;
      bytes += event.bytes + 1;
      batch.push(event);
    }
    return batch;
  }

  #prepare(draft: EventDraft, now: number): PreparedEvent {
    const { eventType, eventId, origin } = draft;
    // The clock may be set back; event time of a partition had better not.
    const at = this.#stamp === "now" ? Math.max(now, this.#stamped.at || now) : draft.at;
    if (this.#stamped.at !== at) this.#stamped = { at, text: new Date(at).toISOString() };
    const text = `${draft.head}${this.#stamped.text}${draft.tail}`;
    this.#advance();
    return { eventType, eventId, at: draft.at, origin, text, bytes: Buffer.byteLength(text) };
  }

  #advance(): void {
    const { value, done } = this.#source.next();
    this.#next = done === true ? undefined : value;
    if (this.#next !== undefined) this.#due = this.#pace.due(this.#next.at);
  }
}

/** The body of a request: a JSON array, in order. */
export function bodyOf(batch: Batch): string {
  let body = "[";
  for (const [i, { text }] of batch.entries()) body += i === 0 ? text : `,${text}`;
  return `${body}]`;
}
