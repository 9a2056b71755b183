import { setTimeout as sleep } from "node:timers/promises";
import { BrokerError } from "#broker/broker-error.ts";
import { hasMoved, isRetriable } from "./error-classes.ts";
import { asKafkaError, type KafkaError } from "./kafka-error.ts";

export type Persistence = {
  /** How long attempts begin, in ms; after it the last error is thrown. */
  readonly forMs: number;
  readonly signal?: AbortSignal | undefined;
  /** First pause; each next one is twice as long, up to `maxPauseMs`, less up to a fifth by chance. */
  readonly pauseMs?: number;
  readonly maxPauseMs?: number;
  /** Errors that may pass here although they are final elsewhere; who answers is asked anew. */
  readonly mayPass?: (error: KafkaError) => boolean;
  /** Told of each error that is followed by another attempt. */
  readonly onRetry?: (error: KafkaError) => void;
};

/**
 * Makes the same attempt again as long as its error says that it can succeed; `refresh` is true when who answers has to be asked anew.
 * The one place where requests are retried: what lies below it tries once.
 * @throws {KafkaError} the last one; a BrokerError goes through as it is
 */
export async function persist<T>(doing: string, persistence: Persistence, attempt: (refresh: boolean) => Promise<T>): Promise<T> {
  const { forMs, signal, pauseMs = 10, maxPauseMs = 500, mayPass, onRetry } = persistence;
  const until = performance.now() + forMs;
  for (let tries = 0, refresh = false; ; tries++) {
    try {
      return await attempt(refresh);
    } catch (thrown) {
      // Judged already by who knows more than a broker's error code.
      if (thrown instanceof BrokerError) throw thrown;
      const error = asKafkaError(thrown, doing);
      const pause = Math.min(pauseMs * 2 ** tries, maxPauseMs) * (1 - Math.random() / 5);
      const passing = mayPass?.(error) === true;
      if ((!isRetriable(error) && !passing) || signal?.aborted === true || performance.now() + pause > until) throw error;
      onRetry?.(error);
      refresh = passing || hasMoved(error);
      await sleep(pause, undefined, { signal, ref: true }).catch(() => {
        throw error;
      });
    }
  }
}
