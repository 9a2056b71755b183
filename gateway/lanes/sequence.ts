const perMillisecond = 1024;

/**
 * Gives numbers in order of admission: strictly rising, also when the clock goes back, and over restarts as long as the clock did not go back
 * in between (else hand in, as `after`, a number not below the last). `floor(ms) × 1024 + n` stays a safe integer until the year 2248.
 */
export function sequenceFrom(after = 0): (nowMs: number) => number {
  let last = after;
  return (nowMs) => (last = Math.max(last + 1, Math.floor(nowMs) * perMillisecond));
}
