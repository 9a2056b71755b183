import { elapsed } from "./elapsed.ts";
import { backoff, type RetryPolicy } from "./failure.ts";

/** How long the next commit waits after aborted ones: longer with each in a row. */
export class CommitPause {
  private aborted = 0;
  private sinceMs = 0;
  private forMs = 0;

  begin(nowMs: number, retry: RetryPolicy, random: () => number): void {
    this.aborted += 1;
    this.sinceMs = nowMs;
    this.forMs = backoff(this.aborted, retry, random);
  }

  /** A commit went well. */
  end(): void {
    this.aborted = 0;
    this.forMs = 0;
  }

  left(nowMs: number): number {
    return Math.max(0, this.forMs - elapsed(this.sinceMs, nowMs));
  }
}
