import { readFileSync } from "node:fs";
import { join } from "node:path";
import { groupOf, openKafka, type ClusterSettings, type Plan, type TaskId } from "@millrace/engine";
import { EmbeddedDatabase } from "#engine/broker/embedded/database.ts";
import { embeddedStateStorage } from "../../engine/state/embedded/embedded-state-storage.ts";
import { LocalState } from "../../engine/state/local/local-state.ts";
import type { StateStorage } from "../../engine/state/task-state.ts";
import { compareStates, dumpTask, type StateDump, storesOf, type TaskDump, tasksOf } from "./state-dump.ts";

export type StateParts = {
  readonly plan: Plan;
  readonly cluster: ClusterSettings;
  readonly folder: string;
  /** Of each worker that was stopped: its file, and what it had in memory behind its last commit. */
  readonly kept: readonly { readonly member: string; readonly stateFile: string; readonly dumpFile: string }[];
};

export type StateVerdict = { readonly broken: readonly string[]; readonly tasks: number; readonly entries: number };

/**
 * The state three times over, task by task and store by store: as its last owner had it in memory, as the owner's local file has it, and as a worker
 * with an empty disk makes it from the changelog alone. All workers have stopped. Who owned a task last is known by the number of the last commit
 * that changed its state; where several have that one, each must have the same.
 */
export async function judgeState({ plan, cluster, folder, kept }: StateParts): Promise<StateVerdict> {
  const broken: string[] = [];
  let entries = 0;
  const tasks = tasksOf(plan);
  const fresh = join(folder, "from-the-changelog.db");
  await restoreAll(tasks, { plan, cluster, fresh });
  const dumps = new Map(kept.map(({ member, dumpFile }) => [member, JSON.parse(readFileSync(dumpFile, "utf8")) as StateDump]));
  const files = new Map(kept.map(({ member, stateFile }) => [member, openFile(stateFile)]));
  const restored = openFile(fresh);
  try {
    for (const { task, sub } of tasks) {
      const fromLog = dumped(restored.storage, task, sub);
      const number = restored.local.read(task)?.number ?? 0n;
      entries += Object.values(fromLog).reduce((sum, store) => sum + Object.keys(store).length, 0);
      const owners = [...files].filter(([, { local }]) => (local.read(task)?.number ?? 0n) === number);
      let inMemory = 0;
      for (const [member, { storage }] of owners) {
        broken.push(...compareStates(task, ["the changelog", fromLog], [`the file of ${member}`, dumped(storage, task, sub)]));
        const dump = dumps.get(member)![task];
        if (dump === undefined) continue;
        inMemory += 1;
        broken.push(...compareStates(task, ["the changelog", fromLog], [`the memory of ${member}`, dump]));
      }
      if (inMemory > 0) continue;
      const numbers = [...files].map(([member, { local }]) => `${member} ${local.read(task)?.number ?? 0n}`).join(", ");
      broken.push(`${task}: nobody had commit ${number}, which the changelog ends with, in memory when it stopped (files: ${numbers})`);
    }
    return { broken, tasks: tasks.length, entries };
  } finally {
    for (const { database } of [...files.values(), restored]) database.close();
  }
}

/** What `committed` answers has been brought back into the file. */
async function restoreAll(
  tasks: ReturnType<typeof tasksOf>,
  { plan, cluster, fresh }: { readonly plan: Plan; readonly cluster: ClusterSettings; readonly fresh: string },
): Promise<void> {
  const log = openKafka({ cluster, stateFile: fresh });
  try {
    await log.broker.committed(
      groupOf(plan.name),
      tasks.map(({ task }) => task),
    );
  } finally {
    await log.close();
  }
}

type StateFile = { readonly database: EmbeddedDatabase; readonly local: LocalState; readonly storage: StateStorage };

function openFile(path: string): StateFile {
  const database = new EmbeddedDatabase(path);
  return { database, local: new LocalState(database), storage: embeddedStateStorage(database) };
}

function dumped(storage: StateStorage, task: TaskId, sub: Plan["subTopologies"][number]): TaskDump {
  const state = storage.open(task, storesOf(sub));
  try {
    return dumpTask(sub, state);
  } finally {
    state.close();
  }
}
