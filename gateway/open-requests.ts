import { WaitingList } from "./waiting-list.ts";

type Open = { readonly deadlineMs: number; readonly expire: () => void };

const sweepMs = 100;

/**
 * Requests that wait for the log, each with the same time to wait, so that the first in is the first due: one sweep instead of a timer a
 * request. A deadline is kept to the tenth of a second.
 */
export class OpenRequests {
  readonly #open = new WaitingList<Open>();
  readonly #waitMs: number;
  readonly #sweep: NodeJS.Timeout;
  #onEmpty: (() => void)[] = [];

  constructor(waitMs: number) {
    this.#waitMs = waitMs;
    this.#sweep = setInterval(() => this.#expire(performance.now()), Math.min(sweepMs, waitMs)).unref();
  }

  /** Notes a request; the answer to call when it is done. */
  enter(expire: () => void): () => void {
    const place = this.#open.add({ deadlineMs: performance.now() + this.#waitMs, expire });
    return () => {
      this.#open.remove(place);
      if (this.#open.size === 0) for (const resolve of this.#onEmpty.splice(0)) resolve();
    };
  }

  /** Settles when no request is open. */
  empty(): Promise<void> {
    return this.#open.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#onEmpty.push(resolve));
  }

  stop(): void {
    clearInterval(this.#sweep);
  }

  #expire(nowMs: number): void {
    for (const open of this.#open) {
      if (open.deadlineMs > nowMs) return;
      open.expire();
    }
  }
}
