import { elapsed } from "./elapsed.ts";
import type { InputQueue } from "./input-queue.ts";

/**
 * Of the inputs with records at hand, the one whose first record has the smallest (timestamp, sequence) goes next, whatever it delivered before;
 * marks of time go before records. Ties go to the input listed first. Answers −1 when there is none.
 */
export function nextInput(queues: readonly InputQueue[]): number {
  if (queues.length === 1) return queues[0]!.head === undefined ? -1 : 0;
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
 * known not, to hold more of it; once it is known to be empty, it waits `maxIdleMs` longer for that input (−1: never waits at all). KIP-695.
 * Each input is waited for by itself: one that is empty for long says nothing of another that just was taken to its end.
 */
export class InputReadiness {
  private readonly maxIdleMs: number;
  /** Since when each input is known to be empty. */
  private readonly emptySince: (number | undefined)[] = [];

  constructor(maxIdleMs: number) {
    this.maxIdleMs = maxIdleMs;
  }

  ready(queues: readonly InputQueue[], nowMs: number): boolean {
    if (this.maxIdleMs === -1 || queues.length === 1) return true;
    let ready = true;
    for (let i = 0; i < queues.length; i++) {
      const queue = queues[i]!;
      if (queue.buffered > 0) this.emptySince[i] = undefined;
      else if (queue.more !== false) ready = false;
      else if (elapsed((this.emptySince[i] ??= nowMs), nowMs) < this.maxIdleMs) ready = false;
    }
    return ready;
  }

  /** How long inputs that are known to be empty are still waited for; 0 when nothing is to be waited for but the log's word. */
  waitMs(queues: readonly InputQueue[], nowMs: number): number {
    let wait = 0;
    for (let i = 0; i < queues.length; i++) {
      const queue = queues[i]!;
      if (queue.buffered > 0) continue;
      if (queue.more !== false) return 0;
      const since = this.emptySince[i];
      if (since !== undefined) wait = Math.max(wait, this.maxIdleMs - elapsed(since, nowMs));
    }
    return wait;
  }
}
