import type { TaskId } from "#broker/broker.ts";
import type { TaskState, TaskStateLimits } from "./task-state.ts";

/** Restarting at the bound takes about half a second on a core of 2.7 GHz. */
export const defaultLimits: TaskStateLimits = { tailEntries: 400_000, tailBytes: 64 << 20, cachedEntries: 1_000_000 };

/** The open tasks of one storage; they share its limits equally, so that memory and restart of a process do not grow with its tasks. */
export class OpenTasks {
  private readonly limits: TaskStateLimits;
  private readonly open = new Map<TaskId, TaskState>();

  constructor(limits: Partial<TaskStateLimits>) {
    this.limits = { ...defaultLimits, ...limits };
  }

  /** Closes what was opened before: its uncommitted changes must never be folded. */
  replace(task: TaskId, open: () => TaskState): TaskState {
    this.open.get(task)?.close();
    const state = open();
    this.open.set(task, state);
    return state;
  }

  closed(task: TaskId, state: TaskState): void {
    if (this.open.get(task) === state) this.open.delete(task);
  }

  /** The share of one task. */
  share(): TaskStateLimits {
    const { tailEntries, tailBytes, cachedEntries } = this.limits;
    const tasks = Math.max(1, this.open.size);
    return { tailEntries: tailEntries / tasks, tailBytes: tailBytes / tasks, cachedEntries: cachedEntries / tasks };
  }
}
