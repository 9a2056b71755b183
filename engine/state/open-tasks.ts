import type { TaskId } from "#broker/broker.ts";
import type { TaskState, TaskStateLimits } from "./task-state.ts";

/** Restarting at the bound takes about a sixth of a second on a core of 2.7 GHz. */
export const defaultLimits: TaskStateLimits = { tailEntries: 128_000, tailBytes: 64 << 20, cachedEntries: 1_000_000 };

/** A task that uses some of what all share. */
export type SharingTask = TaskState & { readonly usage: Readonly<TaskStateLimits> };

const none: TaskStateLimits = { tailEntries: 0, tailBytes: 0, cachedEntries: 0 };
const measures = ["tailEntries", "tailBytes", "cachedEntries"] as const;
/** With many tasks open, their usage is added up again after so many questions. */
const sumEvery = 16;

/**
 * The open tasks of one storage, which share its limits, so that memory and restart of a process do not grow with its tasks: each may have what the
 * others leave, and an equal part in any case. Most tasks of a topology remember little; equal parts alone would fold the busy ones all the time.
 */
export class OpenTasks {
  private readonly limits: TaskStateLimits;
  private readonly open = new Map<TaskId, SharingTask>();
  private sum: TaskStateLimits = none;
  private asked = 0;

  constructor(limits: Partial<TaskStateLimits>) {
    this.limits = { ...defaultLimits, ...limits };
  }

  /** Closes what was opened before: its uncommitted changes must never be folded. */
  replace(task: TaskId, open: () => SharingTask): TaskState {
    this.open.get(task)?.close();
    const state = open();
    this.open.set(task, state);
    this.asked = 0;
    return state;
  }

  closed(task: TaskId, state: TaskState): void {
    if (this.open.get(task) === state) this.open.delete(task);
    this.asked = 0;
  }

  isOpen(task: TaskId): boolean {
    return this.open.has(task);
  }

  /** What one task may have, itself included. */
  share(own: Readonly<TaskStateLimits>): TaskStateLimits {
    if (this.open.size <= sumEvery || this.asked++ % sumEvery === 0) this.sum = this.usage();
    const tasks = Math.max(1, this.open.size);
    const { limits, sum } = this;
    const part = (measure: (typeof measures)[number]): number =>
      Math.max(limits[measure] / tasks, limits[measure] - Math.max(0, sum[measure] - own[measure]));
    return { tailEntries: part("tailEntries"), tailBytes: part("tailBytes"), cachedEntries: part("cachedEntries") };
  }

  private usage(): TaskStateLimits {
    const sum = { ...none } as { -readonly [K in keyof TaskStateLimits]: number };
    for (const { usage } of this.open.values()) for (const measure of measures) sum[measure] += usage[measure];
    return sum;
  }
}
