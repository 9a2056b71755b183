import type { NewRecord } from "#engine/broker/record-batch.ts";
import type { AdmittedEvent } from "../admission/admit-event.ts";
import type { Outcome, Submission } from "./append-queue.ts";

/** What becomes of one event: told to its own request and to those that sent the same event again in the meantime. */
export type Listener = (outcome: Outcome) => void;

// Fixed part of a record in a frame, and a little for the event's own bookkeeping.
const overheadBytes = 96;

/** An admitted event on its way to the log. */
export class InFlight implements Submission {
  readonly event: AdmittedEvent;
  readonly record: NewRecord;
  readonly bytes: number;
  readonly receivedAtMs: number;
  readonly #listener: Listener;
  #followers: Listener[] | undefined;

  constructor(
    event: AdmittedEvent,
    stamp: { readonly sequence: number; readonly headers: Uint8Array; readonly receivedAtMs: number },
    listener: Listener,
  ) {
    const { timestampMs: timestamp, key, value } = event;
    this.event = event;
    this.record = { timestamp, sequence: stamp.sequence, key, value, headers: stamp.headers };
    this.bytes = overheadBytes + key.length + value.length + stamp.headers.length;
    this.receivedAtMs = stamp.receivedAtMs;
    this.#listener = listener;
  }

  get topic(): string {
    return this.event.topic;
  }

  get partition(): number {
    return this.event.partition;
  }

  get lane(): string {
    return this.event.key;
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
