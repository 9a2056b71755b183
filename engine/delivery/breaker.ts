import { backoff, type RetryPolicy } from "#task/failure.ts";

/** `closed`: calls are made. `open`: none is, the other side has time to come back. `half-open`: one probe is under way, or may be made. */
export type BreakerState = "closed" | "open" | "half-open";

export type BreakerPolicy = {
  /** Calls that failed one behind the other until it opens, ≥ 1. */
  readonly failures: number;
  /** How long it stays open: longer with each probe that fails. */
  readonly pause: RetryPolicy;
};
export const defaultBreaker: BreakerPolicy = { failures: 5, pause: { attempts: Infinity, baseMs: 1_000, maxMs: 30_000 } };

/**
 * Spares another side that is down: behind so many failed calls none is made for a while, then one alone, and all again when that one succeeds
 * (Nygard, Release It!, 2nd ed., ch. 5). A call fails when nothing of it was delivered or refused: a refusal is an answer. Times in ms.
 */
export class Breaker {
  private readonly policy: BreakerPolicy;
  private readonly random: () => number;
  private failed = 0;
  private opened = 0;
  private openUntil = 0;
  private probing = false;

  constructor({ policy = defaultBreaker, random = Math.random }: { readonly policy?: BreakerPolicy; readonly random?: () => number } = {}) {
    this.policy = policy;
    this.random = random;
  }

  state(nowMs: number): BreakerState {
    if (this.opened === 0) return "closed";
    return this.probing || nowMs >= this.openUntil ? "half-open" : "open";
  }

  /** Whether a call may be made now, and whether it is the probe: then with as little as can be. */
  allows(nowMs: number): "call" | "probe" | "nothing" {
    if (this.opened === 0) return "call";
    return this.probing || nowMs < this.openUntil ? "nothing" : "probe";
  }

  /** A probe is under way. */
  probe(): void {
    this.probing = true;
  }

  /** When it may be probed; 0 while it is closed, Infinity while a probe is under way. */
  get nextAtMs(): number {
    if (this.opened === 0) return 0;
    return this.probing ? Infinity : this.openUntil;
  }

  /** The other side has answered. */
  answered(): void {
    this.failed = 0;
    this.opened = 0;
    this.probing = false;
  }

  /** A call has failed; one that was made before it opened changes nothing. */
  failedAt(nowMs: number, { probe }: { readonly probe: boolean }): void {
    if (this.opened > 0 && !probe) return;
    this.failed += 1;
    if (!probe && this.failed < this.policy.failures) return;
    this.openUntil = nowMs + backoff(this.opened, this.policy.pause, this.random);
    this.opened += 1;
    this.probing = false;
  }

  /** A probe ended without an answer that says anything, e.g. since its partition was taken away. */
  forgetProbe(): void {
    this.probing = false;
  }
}
