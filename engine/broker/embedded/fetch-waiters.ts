import type { Partition } from "./log/partitions.ts";

/** Fetches that wait for the first record of any of their partitions. */
export class FetchWaiters {
  readonly #waiting = new Map<Partition, Set<() => void>>();

  /** Settles when one of the partitions is written to, or after `maxWaitMs`, or at `wakeAll`. */
  async wait(partitions: readonly Partition[], maxWaitMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, maxWaitMs);
    for (const partition of partitions) {
      const waiting = this.#waiting.get(partition) ?? new Set();
      this.#waiting.set(partition, waiting.add(resolve));
    }
    await promise;
    clearTimeout(timer);
    for (const partition of partitions) this.#waiting.get(partition)?.delete(resolve);
  }

  wake(partitions: Iterable<Partition>): void {
    for (const partition of partitions) for (const resolve of this.#waiting.get(partition) ?? []) resolve();
  }

  wakeAll(): void {
    this.wake(this.#waiting.keys());
  }
}
