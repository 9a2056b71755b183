import { setTimeout as sleep } from "node:timers/promises";

/** Orchestrators wait 30 s before they kill. */
export const stopWithinMs = 25_000;

/** Whether it has settled within the time. */
export async function within(ms: number, settled: Promise<unknown>): Promise<boolean> {
  const giveUp = new AbortController();
  const late = sleep(ms, false, { signal: giveUp.signal }).catch(() => false);
  try {
    return await Promise.race([settled.then(() => true), late]);
  } finally {
    giveUp.abort();
  }
}
