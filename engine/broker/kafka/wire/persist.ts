import { setTimeout as sleep } from "node:timers/promises";
import { hasMoved, isRetriable } from "./error-classes.ts";
import { asKafkaError } from "./kafka-error.ts";

export type Persistence = {
  /** How long attempts begin, in ms; after it the last error is thrown. */
  readonly forMs: number;
  readonly signal?: AbortSignal | undefined;
  /** First pause; each next one is twice as long, up to `maxPauseMs`, less up to a fifth by chance. */
  readonly pauseMs?: number;
  readonly maxPauseMs?: number;
};

/**
 * Makes the same attempt again as long as its error says that it can succeed; `refresh` is true when who answers has to be asked anew.
 * The one place where requests are retried: what lies below it tries once.
 * @throws {KafkaError} the last one
 */
export async function persist<T>(doing: string, persistence: Persistence, attempt: (refresh: boolean) => Promise<T>): Promise<T> {
  const { forMs, signal, pauseMs = 10, maxPauseMs = 500 } = persistence;
  const until = performance.now() + forMs;
  for (let tries = 0, refresh = false; ; tries++) {
    try {
      return await attempt(refresh);
    } catch (thrown) {
      const error = asKafkaError(thrown, doing);
      const pause = Math.min(pauseMs * 2 ** tries, maxPauseMs) * (1 - Math.random() / 5);
      if (!isRetriable(error) || signal?.aborted === true || performance.now() + pause > until) throw error;
      refresh = hasMoved(error);
      await sleep(pause, undefined, { signal, ref: true }).catch(() => {
        throw error;
      });
    }
  }
}
