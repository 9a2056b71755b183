import { setTimeout as sleep } from "node:timers/promises";

const afterMs = 2000;

/** Waits for it; when that takes long, says once what is waited for. */
export async function toldWhileWaiting<T>(settled: Promise<T>, say: () => void): Promise<T> {
  const over = new AbortController();
  void sleep(afterMs, undefined, { signal: over.signal }).then(say, () => undefined);
  try {
    return await settled;
  } finally {
    over.abort();
  }
}
