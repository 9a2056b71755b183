import { setImmediate as nextTurn } from "node:timers/promises";
import type { TaskId } from "#broker/broker.ts";
import { RestoredFolding } from "#state/embedded/restored-folding.ts";
import type { StateTables } from "#state/embedded/state-tables.ts";

const rowsAtOnce = 2000;

/** Moves all that was restored of a task into the table of rows; heartbeats go on meanwhile. */
export async function moveRestored(tables: StateTables, task: TaskId): Promise<void> {
  const moving = new RestoredFolding(tables, { task, tasks: tables.restored, restored: tables.restored.of(task) });
  while (moving.fold(rowsAtOnce)) await nextTurn();
}
