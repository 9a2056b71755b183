/** Milliseconds from one reading of the wall clock to a later one; `Infinity` when it was set back between: whatever waited has waited long enough. */
export const elapsed = (sinceMs: number, nowMs: number): number => (nowMs >= sinceMs ? nowMs - sinceMs : Infinity);
