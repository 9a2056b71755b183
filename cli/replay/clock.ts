import { setTimeout as timeout } from "node:timers/promises";

/** Time as the replay sees it: tests hand in one that does not sleep. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Waits, or ends early (without an error) when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    if (signal.aborted) return;
    await timeout(ms, undefined, { signal }).catch(() => undefined);
  },
};
