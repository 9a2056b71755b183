import { BrokerError } from "#broker/broker-error.ts";
import { RecordError } from "#operators/record-error.ts";

export type Verdict =
  | { readonly kind: "retry"; readonly afterMs: number }
  | { readonly kind: "dead-letter"; readonly reason: string; readonly detail: string }
  | { readonly kind: "stop"; readonly cause: unknown };

/** How often what may pass by itself is tried again, and how long the pauses grow: base × 2^attempt up to `maxMs`, of which a random half is taken off. */
export type RetryPolicy = { readonly attempts: number; readonly baseMs: number; readonly maxMs: number };
export const defaultRetry: RetryPolicy = { attempts: 8, baseMs: 50, maxMs: 5_000 };

/** An error that says of itself that the same call can succeed later; after the last attempt it stops the task. */
export type Retryable = { readonly retryable: true };

/** The one place that decides. Verdicts on records are dead letters; unknown errors stop the task: a bug must not eat records. */
export function judge(
  error: unknown,
  attempt: number,
  { policy = defaultRetry, random = Math.random }: { policy?: RetryPolicy; random?: () => number } = {},
): Verdict {
  if (error instanceof RecordError) return { kind: "dead-letter", reason: error.reason, detail: error.message };
  if (isRetryable(error) && attempt < policy.attempts) return { kind: "retry", afterMs: backoff(attempt, policy, random) };
  return { kind: "stop", cause: error };
}

export function backoff(attempt: number, { baseMs, maxMs }: RetryPolicy, random: () => number): number {
  return Math.min(maxMs, baseMs * 2 ** attempt) * (1 - random() / 2);
}

function isRetryable(error: unknown): boolean {
  if (error instanceof BrokerError) return error.retryable;
  return typeof error === "object" && error !== null && "retryable" in error && error.retryable === true;
}
