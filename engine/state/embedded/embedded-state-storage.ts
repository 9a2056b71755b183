import type { TaskId } from "#broker/broker.ts";
import type { EmbeddedDatabase } from "#broker/embedded/database.ts";
import { Deltas } from "#broker/embedded/deltas.ts";
import { LiveTask } from "#state/live-task.ts";
import { OpenTasks } from "#state/open-tasks.ts";
import type { StoreSpec } from "#state/store.ts";
import type { StateStorage, TaskState, TaskStateLimits } from "#state/task-state.ts";
import { EmbeddedBase } from "./embedded-base.ts";
import { StateTables } from "./state-tables.ts";

/** State in the file of the embedded log, whose commits write the deltas; open tasks share the limits. `tellsExpired` for a file that is the copy of a changelog. */
export function embeddedStateStorage(
  database: EmbeddedDatabase,
  limits: Partial<TaskStateLimits> = {},
  { tellsExpired = false }: { readonly tellsExpired?: boolean } = {},
): StateStorage {
  const tables = new StateTables(database);
  const deltas = new Deltas(database);
  const tasks = new OpenTasks(limits);
  return {
    open(task: TaskId, stores: Readonly<Record<string, StoreSpec>>): TaskState {
      return tasks.replace(task, () => {
        const base = new EmbeddedBase(task, { tables, deltas, stores, tellsExpired });
        const closed = (state: TaskState): void => {
          tasks.closed(task, state);
          // Unless it is opened again at once.
          queueMicrotask(() => {
            if (!tasks.isOpen(task)) tables.restored.release(task);
          });
        };
        return new LiveTask(task, { base, stores, limits: (own) => tasks.share(own), closed });
      });
    },
  };
}
