import type { EventResult } from "./answer.ts";
import type { PreparedEvent } from "./batch.ts";

/** Counts what became of the events, and keeps the tokens that name the last of them on every partition. */
export class Tally {
  accepted = 0;
  duplicates = 0;
  rejected = 0;
  requests = 0;
  /** Events that were sent again because they were not stored, or nobody knows. */
  resent = 0;
  /** Milliseconds in which the server took nothing. */
  waitedMs = 0;
  /** The time, by the data, of the last event that was settled. */
  lastAt: number | null = null;
  readonly byType = new Map<string, number>();
  readonly #offsets = new Map<string, string>();

  get settled(): number {
    return this.accepted + this.duplicates + this.rejected;
  }

  settle(event: PreparedEvent, result: EventResult): void {
    if (result.status === "rejected") this.rejected++;
    else {
      if (result.status === "duplicate") this.duplicates++;
      else this.accepted++;
      this.byType.set(event.eventType, (this.byType.get(event.eventType) ?? 0) + 1);
    }
    this.lastAt = event.at;
    if (result.token !== undefined) this.#keep(result.token);
  }

  /** One token a partition: the highest offset says all that lies before it. */
  get tokens(): readonly string[] {
    return [...this.#offsets].map(([partition, offset]) => `${partition}:${offset}`).toSorted();
  }

  #keep(token: string): void {
    const colon = token.lastIndexOf(":");
    const partition = token.slice(0, colon);
    const offset = token.slice(colon + 1);
    const known = this.#offsets.get(partition);
    // Offsets may be larger than a double holds: decimal texts compare by length, then by their digits.
    const higher = known === undefined || offset.length > known.length || (offset.length === known.length && offset > known);
    if (higher) this.#offsets.set(partition, offset);
  }
}
