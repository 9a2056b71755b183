import type { Appender } from "#engine/broker/broker.ts";
import type { AdmittedEvent } from "../admission/admit-event.ts";
import type { RetryCode } from "../event-codes.ts";
import { type AppendReport, AppendQueue } from "./append-queue.ts";
import { DedupeTable } from "./dedupe-table.ts";
import { InFlight } from "./in-flight.ts";
import { sequenceFrom } from "./sequence.ts";

/** What became of an admitted event. */
export type Landing =
  | { readonly kind: "accepted"; readonly token: string }
  | { readonly kind: "duplicate"; readonly token: string; readonly receivedAtMs: number }
  | { readonly kind: "retry"; readonly code: RetryCode; readonly afterMs: number };

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

  /** Takes an event in; `landed` is called once, at once for an event that is stored already. */
  take(
    event: AdmittedEvent,
    stamp: { readonly headers: Uint8Array; readonly receivedAtMs: number },
    landed: (landing: Landing) => void,
  ): void {
    const dedupe = this.#dedupe;
    if (dedupe !== undefined) {
      const known = dedupe.look(event, stamp.receivedAtMs);
      if (known.kind === "done") return landed({ kind: "duplicate", token: known.token, receivedAtMs: known.receivedAtMs });
      if (known.kind === "pending") {
        const { receivedAtMs } = known.first;
        return known.first.follow((outcome) =>
          landed(outcome.kind === "retry" ? outcome : { kind: "duplicate", token: outcome.token, receivedAtMs }),
        );
      }
    }
    const sequence = this.#nextSequence(stamp.receivedAtMs);
    const inFlight = new InFlight(event, { headers: stamp.headers, receivedAtMs: stamp.receivedAtMs, sequence }, (outcome) => {
      settle?.(outcome.kind === "stored" ? outcome.token : undefined);
      landed(outcome.kind === "stored" ? { kind: "accepted", token: outcome.token } : outcome);
    });
    const settle = dedupe?.claim(event, inFlight, stamp.receivedAtMs);
    this.#queue.submit(inFlight);
  }

  /** Settles when all that was taken in has landed. */
  idle(): Promise<void> {
    return this.#queue.idle();
  }
}
