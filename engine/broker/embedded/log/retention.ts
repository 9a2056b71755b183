import { BrokerError } from "#broker/broker-error.ts";
import type { Checkpoints } from "#broker/embedded/checkpoints.ts";
import type { EmbeddedDatabase } from "#broker/embedded/database.ts";
import type { Groups } from "#broker/embedded/group/groups.ts";
import type { Log } from "./log.ts";
import type { BatchFront } from "./batch-table.ts";
import type { Partition } from "./partitions.ts";

/** Bounds of one call: freeing a batch reads each of its pages, so dropping is done in slices that nobody notices. */
const sliceBatches = 1024;
const sliceBytes = 8 * 1024 * 1024;
/** What is dropped together frees whole pages, so that it costs less when there is more of it. */
const idleMs = 3000;
const behindMs = 2;

type Candidate = { readonly partition: Partition; readonly isOver: (front: BatchFront) => boolean };

/** Drops whole batches from the front of partitions, by each topic's retention; the log start moves behind them. */
export class Retention {
  readonly #parts;
  readonly #clock;
  readonly #moveStart;
  #candidates: Candidate[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(
    parts: { readonly database: EmbeddedDatabase; readonly log: Log; readonly groups: Groups; readonly checkpoints: Checkpoints },
    clock: () => number,
  ) {
    this.#parts = parts;
    this.#clock = clock;
    this.#moveStart = parts.database.connection.prepare("UPDATE partitions SET log_start = ? WHERE id = ?");
  }

  /** Drops a slice of what is over; true when there may be more. */
  maintain(): boolean {
    if (this.#candidates.length === 0) this.#candidates = this.#findCandidates();
    let batchesLeft = sliceBatches;
    let bytesLeft = sliceBytes;
    const drops: { readonly partition: Partition; readonly last: BatchFront }[] = [];
    while (this.#candidates.length > 0 && batchesLeft > 0 && bytesLeft > 0) {
      const { partition, isOver } = this.#candidates[0]!;
      const over: BatchFront[] = [];
      for (const front of this.#frontOf(partition)) {
        if (!isOver(front) || over.length >= batchesLeft || bytesLeft <= 0) break;
        over.push(front);
        bytesLeft -= front.size;
      }
      batchesLeft -= over.length;
      if (over.length > 0) drops.push({ partition, last: over.at(-1)! });
      if (batchesLeft > 0 && bytesLeft > 0) this.#candidates.shift();
    }
    this.#drop(drops);
    return this.#candidates.length > 0;
  }

  /** Maintains now and then, without keeping the process alive. */
  start(): void {
    this.#schedule(idleMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #schedule(delayMs: number): void {
    this.#timer = setTimeout(() => this.#schedule(this.#maintainInBackground() ? behindMs : idleMs), delayMs).unref();
  }

  #maintainInBackground(): boolean {
    try {
      return this.maintain();
    } catch (error) {
      // A full disk needs room to give room back: the next turn tries again, and whoever writes hears of it.
      if (error instanceof BrokerError) return false;
      throw error;
    }
  }

  #drop(drops: readonly { readonly partition: Partition; readonly last: BatchFront }[]): void {
    if (drops.length === 0) return;
    const { database, log } = this.#parts;
    database.transaction("normal", () => {
      for (const { partition, last } of drops) {
        log.tableOf(partition).drop(partition.id, last.next);
        this.#moveStart.run(last.next, partition.id);
      }
    });
    for (const { partition, last } of drops) {
      log.tableOf(partition).dropped(partition.id, last.next);
      partition.logStart = last.next;
    }
  }

  *#frontOf(partition: Partition): IterableIterator<BatchFront> {
    const { id, logStart, end } = partition;
    if (logStart >= end) return;
    for (const front of this.#parts.log.tableOf(partition).fronts(id)) {
      // What is not durable yet stays.
      if (front.next > end) return;
      yield front;
    }
  }

  #findCandidates(): Candidate[] {
    const nowMs = this.#clock();
    const consumedUpTo = this.#consumed();
    const candidates: Candidate[] = [];
    for (const partition of this.#parts.log.partitions.all()) {
      const { retention } = partition;
      switch (retention.kind) {
        case "time":
          candidates.push({ partition, isOver: ({ appendedAtMs }) => appendedAtMs < nowMs - retention.ms });
          break;
        case "consumed": {
          const upTo = consumedUpTo.get(partition);
          if (upTo !== undefined) candidates.push({ partition, isOver: ({ next }) => next <= upTo });
          break;
        }
        case "forever":
          break;
        default:
          retention satisfies never;
      }
    }
    return candidates;
  }

  /** Up to where every task that reads a partition has committed; 0 when one of them has not committed yet, nothing when nobody reads it. */
  #consumed(): ReadonlyMap<Partition, number> {
    const { log, groups, checkpoints } = this.#parts;
    const upTo = new Map<Partition, number>();
    for (const [group, tasks] of groups.tasks()) {
      const positions = checkpoints.positionsOf(group);
      for (const { task, inputs } of tasks) {
        for (const { topic, partition } of inputs) {
          const found = log.partitions.find(topic, partition);
          if (found?.retention.kind !== "consumed") continue;
          const committed = positions.get(task)?.find((position) => position.topic === topic && position.partition === partition);
          upTo.set(found, Math.min(upTo.get(found) ?? Infinity, Number(committed?.offset ?? 0n)));
        }
      }
    }
    return upTo;
  }
}
