import type { AdmittedEvent } from "../admission/admit-event.ts";
import type { Outcome, Submission } from "./append-queue.ts";

/** What becomes of one event: told to its own request and to those that sent the same event again in the meantime. */
export type Listener = (outcome: Outcome) => void;

/** What the gateway adds to an event. */
export type Stamp = { readonly sequence: number; readonly headers: Uint8Array; readonly receivedAtMs: number };

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
  readonly #listener: Listener;
  #followers: Listener[] | undefined;

  constructor(event: AdmittedEvent, stamp: Stamp, listener: Listener) {
    this.topic = event.topic;
    this.partition = event.partition;
    this.key = event.key;
    this.timestamp = event.timestampMs;
    this.sequence = stamp.sequence;
    this.value = event.value;
    this.headers = stamp.headers;
    this.bytes = overheadBytes + event.key.length + event.value.length + stamp.headers.length;
    this.receivedAtMs = stamp.receivedAtMs;
    this.#listener = listener;
  }

  /** A copy of this event came before this one was stored: it is answered when this one is. */
  follow(listener: Listener): void {
    this.#followers ??= [];
    this.#followers.push(listener);
  }

  settled(outcome: Outcome): void {
    this.#listener(outcome);
    if (this.#followers !== undefined) for (const follower of this.#followers) follower(outcome);
  }
}
