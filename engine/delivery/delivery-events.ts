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
  }): void;
  /** So many records were not wanted. */
  skipped(records: number): void;
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
  breaker: () => undefined,
  committed: () => undefined,
  commitFailed: () => undefined,
  logAway: () => undefined,
};
