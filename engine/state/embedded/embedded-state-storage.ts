import type { TaskId } from "#broker/broker.ts";
import type { EmbeddedDatabase } from "#broker/embedded/database.ts";
import { Deltas } from "#broker/embedded/deltas.ts";
import { defaultLimits, LiveTask } from "#state/live-task.ts";
import type { StoreSpec } from "#state/store.ts";
import type { StateStorage, TaskState, TaskStateLimits } from "#state/task-state.ts";
import { EmbeddedBase } from "./embedded-base.ts";
import { StateTables } from "./state-tables.ts";

/** State in the file of the embedded log, whose commits write the deltas; limits are for each task. */
export function embeddedStateStorage(database: EmbeddedDatabase, limits: Partial<TaskStateLimits> = {}): StateStorage {
  const tables = new StateTables(database);
  const deltas = new Deltas(database);
  const opened = new Map<TaskId, LiveTask>();
  return {
    open(task: TaskId, stores: Readonly<Record<string, StoreSpec>>): TaskState {
      // What was opened before has uncommitted changes that must never be folded.
      opened.get(task)?.close();
      const base = new EmbeddedBase(task, { tables, deltas, stores });
      const state = new LiveTask(task, { base, stores, limits: { ...defaultLimits, ...limits } });
      opened.set(task, state);
      return state;
    },
  };
}
