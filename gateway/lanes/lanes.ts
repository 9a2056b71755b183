import type { Appender } from "#engine/broker/broker.ts";
import type { AdmittedEvent } from "../admission/admit-event.ts";
import { type AppendReport, AppendQueue } from "./append-queue.ts";
import { DedupeTable } from "./dedupe-table.ts";
import { InFlight, type Origin } from "./in-flight.ts";
import { sequenceFrom } from "./sequence.ts";

export type LanesOptions = {
  readonly appender: Appender;
  readonly maxAppendBytes: number;
  /** The table of ids already stored; without it every copy is appended, and counts once by the topology's `dedupe`. */
  readonly duplicates: { readonly entries: number; readonly withinMs: number } | undefined;
  /** A sequence not below any that was stamped before (0: trust the clock). */
  readonly sequenceAfter: number;
  readonly onAppended: (append: AppendReport) => void;
};

/**
 * From admission to the log: stamps the order of arrival, keeps each key's events in it, lets the second copy of an event wait for the first
 * instead of being stored too (gateway contract §5).
 */
export class Lanes {
  readonly #queue: AppendQueue;
  readonly #dedupe: DedupeTable<InFlight> | undefined;
  readonly #nextSequence: (nowMs: number) => number;

  constructor(options: LanesOptions) {
    this.#queue = new AppendQueue(options);
    this.#dedupe = options.duplicates && new DedupeTable(options.duplicates);
    this.#nextSequence = sequenceFrom(options.sequenceAfter);
  }

  get waitingBytes(): number {
    return this.#queue.waitingBytes;
  }

  get waitingRecords(): number {
    return this.#queue.waitingRecords;
  }

  get dedupeEntries(): number {
    return this.#dedupe?.size ?? 0;
  }

  /** Takes an event in; its origin is told once what became of it, at once of an event that is stored already. */
  take(event: AdmittedEvent, origin: Origin): void {
    const { receivedAtMs } = origin;
    const known = this.#dedupe?.look(event, receivedAtMs);
    if (known?.kind === "done") {
      return origin.landed(event, origin.i, { kind: "duplicate", token: known.token, receivedAtMs: known.receivedAtMs });
    }
    if (known?.kind === "pending") return known.first.follow(event, origin);
    const inFlight = new InFlight(event, origin, this.#nextSequence(receivedAtMs));
    inFlight.claim = this.#dedupe?.claim(event, inFlight, receivedAtMs);
    this.#queue.submit(inFlight);
  }

  /** Settles when all that was taken in has landed. */
  idle(): Promise<void> {
    return this.#queue.idle();
  }
}
