import { setTimeout as sleep } from "node:timers/promises";

/** What streams know of time; tests move it by hand. */
export type StreamClock = {
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number;
  /** Settles after so long, or when `signal` aborts; never rejects. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** 0 ≤ n < 1: spreads what would happen to all readers at once. */
  readonly random: () => number;
};

export const systemClock: StreamClock = {
  nowMs: Date.now,
  sleep: (ms, signal) => sleep(ms, undefined, { signal, ref: false }).catch(() => undefined),
  random: Math.random,
};
