export type BackoffLimits = {
  /** The longest first pause, ms. */
  readonly baseMs: number;
  /** The longest pause of all that the client chooses itself, ms. */
  readonly mostMs: number;
};

/** Whatever the server asks for: it is asked again by then. Timers cannot wait for more than 24 days, and then do not wait at all. */
const mostAskedMs = 300_000;

export const defaultBackoff: BackoffLimits = { baseMs: 100, mostMs: 30_000 };

/**
 * How long to wait before attempt `attempt` + 1, ms: a random part of twice as long as before (full jitter), but never less than the server asked for (within
 * reason), and then spread over a fifth more, so that those who were sent away together do not come back together.
 */
export function pauseMs(
  attempt: number,
  { limits, askedMs, roll }: { readonly limits: BackoffLimits; readonly askedMs: number | undefined; readonly roll: number },
): number {
  const own = Math.min(limits.mostMs, limits.baseMs * 2 ** Math.min(attempt, 30)) * roll;
  return askedMs === undefined ? own : Math.max(own, Math.min(askedMs, mostAskedMs) * (1 + roll / 5));
}

/** `Retry-After` as ms from now: seconds, or a date (RFC 9110). */
export function retryAfterMs(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}
