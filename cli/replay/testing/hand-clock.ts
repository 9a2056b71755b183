import type { Clock } from "../clock.ts";

/** A clock that nobody waits for: sleeping moves it on, at once. `slept` are the waits, in milliseconds. */
export class HandClock implements Clock {
  readonly slept: number[] = [];
  /** Called at each wait, before it ends. */
  onSleep: (wait: number) => void | Promise<void> = () => undefined;
  #now: number;

  constructor(now = Date.UTC(2026, 10, 21)) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    this.#now += ms;
    this.slept.push(ms);
    // Also lets the network have its turn.
    await new Promise((resolve) => setImmediate(resolve));
    await this.onSleep(this.slept.length);
  }
}
