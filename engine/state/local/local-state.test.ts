import { expect, test } from "vitest";
import { BrokerError } from "#broker/broker-error.ts";
import { taskId } from "#broker/broker.ts";
import { EmbeddedDatabase } from "#broker/embedded/database.ts";
import { testStateStorage } from "#state/conformance.ts";
import { embeddedStateStorage } from "#state/embedded/embedded-state-storage.ts";
import type { StateGround } from "#state/state-harness.ts";
import { keyValueStore } from "#state/store.ts";
import { reusingCodec, type Value } from "#state/state-harness.ts";
import type { TaskStateLimits } from "#state/task-state.ts";
import { bringBack, Changelogs } from "./changelogs-in-memory.ts";
import { LocalState } from "./local-state.ts";

type Restart = (opened: { database: EmbeddedDatabase; logs: Changelogs }) => EmbeddedDatabase | Promise<EmbeddedDatabase>;

function ground(limits: Partial<TaskStateLimits>, { kept, restart }: { kept: (number: bigint) => boolean; restart: Restart }): StateGround {
  const logs = new Changelogs();
  let database = new EmbeddedDatabase(":memory:");
  let storage = embeddedStateStorage(database, limits, { tellsExpired: true });
  let local = new LocalState(database);
  return {
    get storage() {
      return storage;
    },
    commit: async (task, number, changes) => {
      let next = 0n;
      try {
        next = logs.append(task, number, changes);
      } catch (error) {
        // What is no delta never comes to a changelog; the local file may hold it nevertheless.
        if (!(error instanceof BrokerError)) throw error;
      }
      const commit = { task, number, next: [], meta: Buffer.from(`meta ${number}`), changes, outputs: [] };
      if (kept(number)) local.write([{ commit, next, changelog: "id", atMs: 1 }]);
    },
    restart: async () => {
      database = await restart({ database, logs });
      storage = embeddedStateStorage(database, limits, { tellsExpired: true });
      local = new LocalState(database);
    },
    close: async () => database.close(),
  };
}

const all = (): boolean => true;

testStateStorage("local copy that was kept", (limits) => ground(limits, { kept: all, restart: ({ database }) => database }));

testStateStorage("local copy that was lost, restored whole from a compacted changelog", (limits) =>
  ground(limits, {
    kept: all,
    restart: async ({ logs }) => {
      const database = new EmbeddedDatabase(":memory:");
      for (const task of logs.records.keys()) logs.compact(task);
      await bringBack(new LocalState(database), logs, { behind: 1_000_000n, slice: 7 });
      return database;
    },
  }),
);

testStateStorage("local copy that was lost, and whose restore was cut off twice", (limits) =>
  ground(limits, {
    kept: all,
    restart: async ({ logs }) => {
      const database = new EmbeddedDatabase(":memory:");
      for (const most of [5, 20, Infinity]) await bringBack(new LocalState(database), logs, { behind: 1_000_000n, slice: 5, most });
      return database;
    },
  }),
);

const old = taskId("orders", 3);
const stores = { totals: keyValueStore(reusingCodec()) };

/** Commits 1 to `commits`; the local copy hears of the first `kept` only. */
function behind(commits: bigint, kept: bigint): { database: EmbeddedDatabase; logs: Changelogs } {
  const logs = new Changelogs();
  const database = new EmbeddedDatabase(":memory:");
  const local = new LocalState(database);
  const state = embeddedStateStorage(new EmbeddedDatabase(":memory:")).open(old, stores);
  for (let number = 1n; number <= commits; number++) {
    const totals = state.keyValue<Value>("totals");
    totals.put(`own ${number}`, { n: Number(number), text: "" });
    totals.put("shared", { n: Number(number), text: "" });
    if (number > 2n) totals.delete(`own ${number - 2n}`);
    const changes = state.takeChanges();
    const next = logs.append(old, number, changes);
    state.committed(number);
    const commit = { task: old, number, next: [], meta: Buffer.from(`meta ${number}`), changes, outputs: [] };
    if (number <= kept) local.write([{ commit, next, changelog: "id", atMs: 1 }]);
  }
  return { database, logs };
}

for (const [way, far] of [
  ["a tail", 10n],
  ["rows", 1_000_000n],
] as const) {
  test(`[K82] a copy that is behind is brought up by ${way}, deletes included, and says so`, async () => {
    const { database, logs } = behind(20n, 15n);
    const local = new LocalState(database);
    expect(local.read(old)).toMatchObject({ number: 15n, whole: true });
    await bringBack(local, logs, { behind: far, slice: 3 });
    expect(local.read(old)).toMatchObject({ number: 20n, whole: true, next: logs.ends.get(old)! });
    expect(Buffer.from(local.read(old)!.meta).toString()).toBe("meta 20");
    const found = new Map(embeddedStateStorage(database).open(old, stores).keyValue<Value>("totals").range());
    expect(Object.fromEntries([...found].map(([key, { n }]) => [key, n]))).toEqual({ "own 19": 19, "own 20": 20, shared: 20 });
  });
}

test("[K82] a restore by rows that was cut off is kept and not taken for a whole one; one by a tail leaves what was", async () => {
  const { database, logs } = behind(20n, 15n);
  const local = new LocalState(database);
  await bringBack(local, logs, { behind: 10n, slice: 2, most: 4 });
  expect(local.read(old)).toMatchObject({ number: 15n, whole: true });
  await bringBack(local, logs, { behind: 1_000_000n, slice: 2, most: 4 });
  const half = local.read(old)!;
  expect(half).toMatchObject({ number: 15n, whole: false });
  expect(half.next).toBeLessThan(logs.ends.get(old)!);
  await bringBack(local, logs, { behind: 10n, slice: 2 });
  expect(local.read(old)).toMatchObject({ number: 20n, whole: true });
  const found = new Map(embeddedStateStorage(database).open(old, stores).keyValue<Value>("totals").range());
  expect([...found.keys()]).toEqual(["own 19", "own 20", "shared"]);
});

test("[K82] a copy that is thrown away leaves nothing that could rise again", async () => {
  const { database, logs } = behind(20n, 20n);
  const local = new LocalState(database);
  expect(local.tasks()).toEqual([old]);
  local.forget(old);
  expect(local.tasks()).toEqual([]);
  expect([...embeddedStateStorage(database).open(old, stores).keyValue<Value>("totals").range()]).toEqual([]);
  await bringBack(local, logs, { behind: 1_000_000n, slice: 100 });
  expect(embeddedStateStorage(database).open(old, stores).keyValue<Value>("totals").get("shared")).toMatchObject({ n: 20 });
});
