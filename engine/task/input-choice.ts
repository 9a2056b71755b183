import { elapsed } from "./elapsed.ts";
import type { InputQueue } from "./input-queue.ts";

/**
 * Of the inputs with records at hand, the one whose first record has the smallest (timestamp, sequence) goes next, whatever it delivered before;
 * marks of time go before records. Ties go to the input listed first. Answers −1 when there is none.
 */
export function nextInput(queues: readonly InputQueue[]): number {
  let chosen = -1;
  let timestamp = Infinity;
  let sequence = Infinity;
  for (let i = 0; i < queues.length; i++) {
    const queue = queues[i]!;
    const { head } = queue;
    if (head === undefined) continue;
    if (head.kind === "watermarks") return i;
    const at = queue.headRecord;
    const headTimestamp = head.index.timestamps[at]!;
    if (chosen >= 0 && headTimestamp > timestamp) continue;
    const headSequence = head.index.sequences[at]!;
    if (chosen >= 0 && headTimestamp === timestamp && headSequence >= sequence) continue;
    chosen = i;
    timestamp = headTimestamp;
    sequence = headSequence;
  }
  return chosen;
}

/**
 * Whether a task may take a record: with records of every input at hand it may. With an input empty it waits while the log is known, or not yet
 * known not, to hold more of it; once it is known to be empty, it waits `maxIdleMs` longer (−1: never waits at all). KIP-695.
 */
export class InputReadiness {
  private readonly maxIdleMs: number;
  private emptySince: number | undefined;

  constructor(maxIdleMs: number) {
    this.maxIdleMs = maxIdleMs;
  }

  ready(queues: readonly InputQueue[], nowMs: number): boolean {
    if (this.maxIdleMs === -1) return true;
    let anyEmpty = false;
    for (const queue of queues) {
      if (queue.buffered > 0) continue;
      if (queue.more !== false) return false;
      anyEmpty = true;
    }
    if (!anyEmpty) {
      this.emptySince = undefined;
      return true;
    }
    this.emptySince ??= nowMs;
    return elapsed(this.emptySince, nowMs) >= this.maxIdleMs;
  }

  /** How long an input that is known to be empty is still waited for; 0 when nothing is to be waited for but the log's word. */
  waitMs(queues: readonly InputQueue[], nowMs: number): number {
    const { emptySince, maxIdleMs } = this;
    if (emptySince === undefined || queues.some((queue) => queue.buffered === 0 && queue.more !== false)) return 0;
    return Math.max(0, maxIdleMs - elapsed(emptySince, nowMs));
  }
}
