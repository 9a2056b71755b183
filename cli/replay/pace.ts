/** When an event is due to be sent, by the time that the data gives it. */
export interface Pace {
  /** Milliseconds since the epoch at which the next event, of time `at`, is due; call once an event, in order. */
  due(at: number): number;
  /** Moves all that is not yet due by what was lost waiting for the server. */
  postpone(ms: number): void;
}

/** With `--stamp now` nobody wants to watch a night pass: a gap is never waited out for longer than this.  [P13] */
export const longestGapMs = 2000;

/** Event time runs `speed` times as fast as the clock, from `start` on; gaps (in clock time) are cut to `longestGap`.  [P12, P13] */
export function pace(speed: number, start: number, longestGap = Number.POSITIVE_INFINITY): Pace {
  if (speed === Number.POSITIVE_INFINITY) return { due: () => start, postpone: () => undefined };
  let due = start;
  let last: number | undefined;
  return {
    due: (at) => {
      due += Math.min(Math.max(0, at - (last ?? at)) / speed, longestGap);
      last = at;
      return due;
    },
    postpone: (ms) => {
      due += ms;
    },
  };
}
