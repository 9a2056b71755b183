import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StoreDelta, TaskId } from "#broker/broker.ts";
import { EmbeddedDatabase } from "#broker/embedded/database.ts";
import { Deltas } from "#broker/embedded/deltas.ts";
import { testStateStorage } from "#state/conformance.ts";
import type { StateStorage, TaskStateLimits } from "#state/task-state.ts";
import { embeddedStateStorage } from "./embedded-state-storage.ts";

type Opened = { readonly database: EmbeddedDatabase; readonly deltas: Deltas; readonly storage: StateStorage };

function openAt(path: string, limits: Partial<TaskStateLimits>): Opened {
  const database = new EmbeddedDatabase(path);
  return { database, deltas: new Deltas(database), storage: embeddedStateStorage(database, limits) };
}

function commitTo(
  { database, deltas }: Opened,
  task: TaskId,
  { number, changes }: { number: bigint; changes: readonly StoreDelta[] },
): void {
  database.transaction("full", () => deltas.write(task, number, changes));
}

testStateStorage("embedded, in memory", (limits) => {
  const opened = openAt(":memory:", limits);
  let { storage } = opened;
  return {
    get storage() {
      return storage;
    },
    commit: async (task, number, changes) => commitTo(opened, task, { number, changes }),
    restart: async () => {
      storage = embeddedStateStorage(opened.database, limits);
    },
    close: async () => opened.database.close(),
  };
});

testStateStorage("embedded, in a file that is closed and opened", (limits) => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-state-"));
  const path = join(folder, "log.db");
  let opened = openAt(path, limits);
  return {
    get storage() {
      return opened.storage;
    },
    commit: async (task, number, changes) => commitTo(opened, task, { number, changes }),
    restart: async () => {
      opened.database.close();
      opened = openAt(path, limits);
    },
    close: async () => {
      opened.database.close();
      rmSync(folder, { recursive: true });
    },
  };
});
