import type { Position } from "#broker/broker.ts";
import type { HeaderList } from "#broker/record-batch.ts";

/** A record on its way out of the log. What was delivered and not yet committed is delivered again: then with the same `id`, by which the other side can tell. */
export type Delivery = {
  /** `topic/partition/offset`, behind the deliverer's `origin` where it has one: of this record and no other, each time it is delivered. */
  readonly id: string;
  readonly at: Position;
  /**
   * Its place among the records of its partition: its offset or, redriven, that of the record that it was at first. What keeps the last value of each key
   * goes by it, so that what is redriven overwrites nothing newer.
   */
  readonly order: bigint;
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  readonly key: string | null;
  readonly value: Uint8Array | null;
  readonly headers: HeaderList;
  /** How often it was tried before. */
  readonly attempt: number;
};

/**
 * What became of a record. `retry`: the other side may take it later, not before `afterMs` where it said so, and `unanswered` where nobody knows whether it has
 * taken it already; `refused`: it never will, and the record
 * leaves by the dead letters with `reason` and what the other side answered.
 */
export type DeliveryResult =
  | { readonly kind: "delivered" }
  | { readonly kind: "retry"; readonly reason: string; readonly afterMs?: number; readonly unanswered?: true }
  | { readonly kind: "refused"; readonly reason: string; readonly answer?: string };

export type SinkLimits = {
  /** Records of one call, ≥ 1. */
  readonly records: number;
  /** Bytes of keys, values and headers of one call; a record that is larger goes alone. */
  readonly bytes: number;
  /** Calls at the same time for one partition, ≥ 1. */
  readonly calls: number;
};

/**
 * A way out of the log: something outside that takes records, at least once each. No two records of a call have the same key, and a record is given only
 * when the one before it with its key is settled, so that each key arrives in order whatever is tried again. Every adapter passes `conformance.ts`.
 */
export interface Sink {
  readonly limits: SinkLimits;
  /**
   * One result a record, in the order given. A promise that is rejected stands for `retry` of all, since nobody knows what arrived. `signal` ends a call whose
   * time is over: what it did counts as unknown.
   */
  deliver(batch: readonly Delivery[], signal: AbortSignal): Promise<readonly DeliveryResult[]>;
  /** Lets go of connections; no call is under way. */
  close(): Promise<void>;
}
