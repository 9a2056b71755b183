import { type CommitWatcher, storeIdOf, type ReadableTask, type Worker } from "@millrace/engine";
import type { QueryPlan } from "#topology/plan/query-plan.ts";
import { ChangedRows } from "./changed-rows.ts";
import { placeOf } from "./row-slice.ts";
import { ShownRows } from "./shown-rows.ts";
import type { Began, Changes, Place, Progress } from "./stream-request.ts";

/** Bounds of what is gathered and read for a feed. */
export type FeedLimits = {
  /** Rows read at one go, and for how long at most, so that the worker's loop never stands still for long. */
  readonly sliceRows: number;
  readonly sliceMs: number;
  /** Changed entries that wait to be told; above it the feed ends, and its readers begin with the rows as they stand. */
  readonly waiting: number;
  /** A feed that nobody asked for so long ends. */
  readonly idleMs: number;
  /** Between two tellings; a reading that took long is followed by a pause of `restFactor` times as long. */
  readonly paceMs: number;
  readonly restFactor: number;
};

export const defaultFeedLimits: FeedLimits = {
  sliceRows: 2000,
  sliceMs: 8,
  waiting: 200_000,
  idleMs: 30_000,
  paceMs: 25,
  restFactor: 9,
};

type Told = { readonly keys: string[]; readonly texts: (string | null)[] };

/**
 * Gathers which rows of one query change, commit by commit, and tells them when it is asked: each as it stands at a moment when nothing is uncommitted,
 * however often it changed. Watches the worker from `begin` to `end`.
 */
export class ChangeFeed {
  ended = false;
  private readonly query: QueryPlan;
  private readonly store: string;
  private readonly limits: FeedLimits;
  private readonly nowMs: () => number;
  private readonly rows: ChangedRows;
  private readonly shown: ShownRows;
  private readonly unwatch: () => void;
  private stirred = Promise.withResolvers<void>();
  private askedAtMs: number;

  constructor(query: QueryPlan, worker: Pick<Worker, "watch">, { limits, nowMs }: { limits: FeedLimits; nowMs: () => number }) {
    this.query = query;
    this.store = storeIdOf(query.node, query.store);
    this.limits = limits;
    this.nowMs = nowMs;
    this.rows = new ChangedRows(query, this.store);
    this.shown = new ShownRows(query);
    this.askedAtMs = nowMs();
    let begun = false;
    const watcher: CommitWatcher = {
      // A task that comes later had a time of which nothing was heard.
      opened: () => void (begun && this.end()),
      committed: (commit) => {
        if (this.ended) return;
        if (!this.rows.add(commit) || this.rows.size > limits.waiting || this.nowMs() - this.askedAtMs > limits.idleMs) return this.end();
        if (this.rows.size > 0) this.stirred.resolve();
      },
      closed: () => this.end(),
    };
    this.unwatch = worker.watch(query.subTopology, watcher);
    begun = true;
  }

  /** Where it begins, read at the moment in which it was made or later. */
  begin(tasks: readonly ReadableTask[]): Pick<Began, "at" | "unchangedSince"> {
    const at = placeOf(tasks);
    const unchangedSince: Place = tasks.toSorted((a, b) => a.partition - b.partition).map(({ state }) => state.changedAt(this.store));
    return { at, unchangedSince };
  }

  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.unwatch();
    this.stirred.resolve();
  }

  /** Settles when there is something to tell, or the feed has ended. */
  async stir(): Promise<void> {
    this.askedAtMs = this.nowMs();
    if (this.rows.size > 0 || this.ended) return;
    this.stirred = Promise.withResolvers();
    await this.stirred.promise;
  }

  /** Tells what waits by now, a slice for each call of `onTasks`; undefined when that had no tasks. */
  async tell<U>(onTasks: <T>(read: (tasks: readonly ReadableTask[]) => T) => Promise<T | U>): Promise<Changes | U> {
    const told: Told = { keys: [], texts: [] };
    let left = -1;
    let head: Omit<Changes, "rows"> | undefined;
    while (true) {
      const read = await onTasks((tasks) => {
        // What waits now was committed up to this place; what comes while the rest is read stands behind it, or is among it and newer.
        head ??= this.head(tasks);
        if (left < 0) left = this.rows.waiting;
        left -= this.tellSlice(tasks, Math.min(left, this.limits.sliceRows), told);
        return { kind: "told" as const };
      });
      if (!isTold(read)) return read;
      if (left === 0 || this.ended) return { ...head!, rows: told };
    }
  }

  private head(tasks: readonly ReadableTask[]): Omit<Changes, "rows"> {
    return { kind: "changes", at: placeOf(tasks), expired: this.rows.takeExpired(), progress: progressOf(this.query, tasks) };
  }

  private tellSlice(tasks: readonly ReadableTask[], most: number, told: Told): number {
    const until = this.nowMs() + this.limits.sliceMs;
    let count = 0;
    while (count < most && (count % 32 > 0 || count === 0 || this.nowMs() < until)) {
      const entry = this.rows.next()!;
      count += 1;
      const task = tasks.find(({ partition }) => partition === entry.partition)!;
      this.shown.tell(task, entry, (key, text) => {
        told.keys.push(key);
        told.texts.push(text);
      });
    }
    return count;
  }
}

const isTold = (read: unknown): read is { readonly kind: "told" } => (read as { readonly kind?: unknown }).kind === "told";

function progressOf({ window, node }: QueryPlan, tasks: readonly ReadableTask[]): Progress {
  const finalBefore =
    window === undefined
      ? []
      : tasks
          .toSorted((a, b) => a.partition - b.partition)
          // A window is final when its end ≤ the time by which windows close, less grace.
          .map((task) => Math.max(0, task.closingTimeOf(node) - window.graceMs - window.sizeMs + 1));
  return { streamTime: tasks.reduce((most, task) => Math.max(most, task.streamTime), -1), finalBefore };
}
