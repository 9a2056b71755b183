import type { StoreDelta, TaskId } from "#broker/broker.ts";
import { LiveTask } from "#state/live-task.ts";
import { OpenTasks } from "#state/open-tasks.ts";
import type { StoreSpec } from "#state/store.ts";
import type { StateStorage, TaskState, TaskStateLimits } from "#state/task-state.ts";
import { MemoryBase } from "./memory-base.ts";

export type MemoryStateStorage = StateStorage & {
  /** Makes changes durable, as a broker's commit does: a task opened from now on sees them. @throws {StateError} `STATE_COMMIT_ORDER` */
  commit(task: TaskId, number: bigint, changes: readonly StoreDelta[]): void;
};

/** Tails and bases of tasks in memory, encoded as on disk; for the test driver. Open tasks share the limits. */
export function memoryStateStorage(limits: Partial<TaskStateLimits> = {}): MemoryStateStorage {
  const bases = new Map<TaskId, MemoryBase>();
  const tasks = new OpenTasks(limits);
  const baseOf = (task: TaskId): MemoryBase => {
    let base = bases.get(task);
    if (base === undefined) bases.set(task, (base = new MemoryBase()));
    return base;
  };
  return {
    open(task: TaskId, stores: Readonly<Record<string, StoreSpec>>): TaskState {
      return tasks.replace(task, () => {
        const base = baseOf(task);
        base.keepOnly(new Set(Object.keys(stores)));
        return new LiveTask(task, { base, stores, limits: (own) => tasks.share(own), closed: (state) => tasks.closed(task, state) });
      });
    },
    commit: (task, number, changes) => baseOf(task).commit(number, changes),
  };
}
