import type { AdmittedEvent } from "../admission/admit-event.ts";
import type { RetryCode } from "../event-codes.ts";
import type { Outcome, Submission } from "./append-queue.ts";

/** What became of an admitted event. */
export type Landing =
  | { readonly kind: "accepted"; readonly token: string }
  | { readonly kind: "duplicate"; readonly token: string; readonly receivedAtMs: number }
  | { readonly kind: "retry"; readonly code: RetryCode; readonly afterMs: number };

/** Where an event comes from: one of a request, which hears what becomes of each by its number. */
export type Origin = {
  readonly i: number;
  readonly headers: Uint8Array;
  readonly receivedAtMs: number;
  readonly landed: (event: AdmittedEvent, i: number, landing: Landing) => void;
};

// Fixed part of a record in a frame, and a little for the event's own bookkeeping.
const overheadBytes = 96;

/** An admitted event on its way to the log. */
export class InFlight implements Submission {
  readonly topic: string;
  readonly partition: number;
  readonly key: string;
  readonly timestamp: number;
  readonly sequence: number;
  readonly value: Uint8Array;
  readonly headers: Uint8Array;
  readonly bytes: number;
  readonly receivedAtMs: number;
  /** Hears of the end before anybody else, with the place if there is one. */
  claim: ((at: (Outcome & { kind: "stored" }) | undefined) => void) | undefined;
  readonly #event: AdmittedEvent;
  readonly #origin: Origin;
  #copies: { readonly event: AdmittedEvent; readonly origin: Origin }[] | undefined;

  constructor(event: AdmittedEvent, origin: Origin, sequence: number) {
    this.topic = event.topic;
    this.partition = event.partition;
    this.key = event.key;
    this.timestamp = event.timestampMs;
    this.sequence = sequence;
    this.value = event.value;
    this.headers = origin.headers;
    this.bytes = overheadBytes + event.key.length + event.value.length + origin.headers.length;
    this.receivedAtMs = origin.receivedAtMs;
    this.#event = event;
    this.#origin = origin;
  }

  /** A copy of this event came before this one was stored: it is answered when this one is. */
  follow(event: AdmittedEvent, origin: Origin): void {
    this.#copies ??= [];
    this.#copies.push({ event, origin });
  }

  settled(outcome: Outcome): void {
    const stored = outcome.kind === "stored" ? outcome : undefined;
    const token = stored === undefined ? "" : `${stored.prefix}${stored.offset}`;
    this.claim?.(stored);
    this.#origin.landed(this.#event, this.#origin.i, outcome.kind === "retry" ? outcome : { kind: "accepted", token });
    if (this.#copies === undefined) return;
    const copied: Landing = outcome.kind === "retry" ? outcome : { kind: "duplicate", token, receivedAtMs: this.receivedAtMs };
    for (const { event, origin } of this.#copies) origin.landed(event, origin.i, copied);
  }
}
