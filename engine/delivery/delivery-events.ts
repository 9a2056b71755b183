import type { BreakerState } from "./breaker.ts";

/** What is seen of a sink from outside. */
export type DeliveryEvents = {
  /** A call has ended: how many of its records were delivered, are tried again, were refused. */
  called(call: {
    readonly delivered: number;
    readonly retried: number;
    readonly refused: number;
    readonly ms: number;
    readonly error?: unknown;
    /** Why the first of those that are tried again is: what the other side answered, or that it did not. */
    readonly why?: string;
  }): void;
  /** So many records were not wanted. */
  skipped(records: number): void;
  /** Offsets that retention dropped before they were read: whatever lay there is never delivered. */
  lost(gap: { readonly partition: number; readonly from: bigint; readonly to: bigint }): void;
  breaker(state: BreakerState): void;
  /** Positions and dead letters are durable. */
  committed(commit: { readonly partitions: number; readonly letters: number; readonly ms: number }): void;
  commitFailed(commit: { readonly kind: "aborted" | "fenced"; readonly reason: string }): void;
  /** The log cannot be read at the moment. */
  logAway(away: { readonly error: unknown; readonly failed: number }): void;
};

export const noDeliveryEvents: DeliveryEvents = {
  called: () => undefined,
  skipped: () => undefined,
  lost: () => undefined,
  breaker: () => undefined,
  committed: () => undefined,
  commitFailed: () => undefined,
  logAway: () => undefined,
};
