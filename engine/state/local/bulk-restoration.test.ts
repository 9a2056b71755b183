import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { BrokerError } from "#broker/broker-error.ts";
import { taskId } from "#broker/broker.ts";
import { EmbeddedDatabase } from "#broker/embedded/database.ts";
import { Deltas } from "#broker/embedded/deltas.ts";
import { DeltaWriter } from "#broker/store-delta.ts";
import { testStateStorage } from "#state/conformance.ts";
import { embeddedStateStorage } from "#state/embedded/embedded-state-storage.ts";
import { RestoredTasks } from "#state/embedded/restored-tasks.ts";
import { reusingCodec, type StateGround, type Value } from "#state/state-harness.ts";
import { keyValueStore, windowStore } from "#state/store.ts";
import type { TaskState, TaskStateLimits } from "#state/task-state.ts";
import { bringBack, Changelogs } from "./changelogs-in-memory.ts";
import { LocalState } from "./local-state.ts";

const folder = mkdtempSync(join(tmpdir(), "millrace-bulk-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
const newFile = (): string => join(folder, `${++files}.db`);
const far = 1_000_000n;

type Fate = { readonly lostEvery: number; readonly cutOffAt?: readonly number[]; readonly mostRows?: number };

/** State in a file that is lost with every so many restarts, and kept with the others. */
function ground(limits: Partial<TaskStateLimits>, { lostEvery, cutOffAt = [], mostRows = 1e6 }: Fate): StateGround {
  const logs = new Changelogs();
  let path = newFile();
  let database = new EmbeddedDatabase(path);
  let storage = embeddedStateStorage(database, limits, { tellsExpired: true });
  let restarts = 0;
  const open = (): void => {
    database = new EmbeddedDatabase(path);
  };
  return {
    get storage() {
      return storage;
    },
    commit: async (task, number, changes) => {
      let next = 0n;
      const commit = { task, number, next: [], meta: Buffer.from(`meta ${number}`), changes, outputs: [] };
      try {
        next = logs.append(task, number, changes);
      } catch (error) {
        // What is no delta never comes to a changelog; the local file may hold it nevertheless.
        if (!(error instanceof BrokerError)) throw error;
        database.transaction("normal", () => new Deltas(database).write(task, number, changes));
        return;
      }
      new LocalState(database).write([{ commit, next, changelog: "id", atMs: 1 }]);
    },
    restart: async () => {
      database.close();
      if (restarts++ % lostEvery === 0) {
        path = newFile();
        for (const task of logs.records.keys()) if (restarts % 2 === 0) logs.compact(task);
        for (const most of [...cutOffAt, Infinity]) {
          open();
          await bringBack(new LocalState(database, { mostRows }), logs, { behind: far, slice: 7, most });
          database.close();
        }
      }
      open();
      storage = embeddedStateStorage(database, limits, { tellsExpired: true });
    },
    close: async () => database.close(),
  };
}

testStateStorage("local copy that was restored in bulk", (limits) => ground(limits, { lostEvery: 1 }), { operations: 3000, runs: 2 });
testStateStorage("local copy that was restored in bulk some restarts ago", (limits) => ground(limits, { lostEvery: 3 }), {
  operations: 3000,
  runs: 4,
});
testStateStorage(
  "local copy whose restore in bulk was cut off, and found too many keys",
  (limits) => ground(limits, { lostEvery: 2, cutOffAt: [5, 20], mostRows: 15 }),
  { operations: 3000, runs: 2 },
);

const task = taskId("orders", 3);
const stores = { totals: keyValueStore(reusingCodec()), perMinute: windowStore(reusingCodec()) };

/** A changelog of some rows, and a file that it was restored to. */
async function restored({ rows = 1000, most = Infinity, mostRows = 1e6 } = {}) {
  const logs = new Changelogs();
  const state = embeddedStateStorage(new EmbeddedDatabase(":memory:")).open(task, stores);
  for (let number = 1n; number <= 10n; number++) {
    for (let i = 0; i < rows; i++) {
      state.keyValue<Value>("totals").put(`key ${i}`, { n: Number(number), text: `${i}` });
      if (i % 10 === 0) state.window<Value>("perMinute").put(`key ${i}`, Number(number) * 60_000, { n: i, text: "" });
    }
    if (number === 10n) state.keyValue("totals").delete("key 1");
    logs.append(task, number, state.takeChanges());
    state.committed(number);
  }
  const path = newFile();
  const open = () => {
    const database = new EmbeddedDatabase(path);
    return { database, local: new LocalState(database, { mostRows }) };
  };
  const { database, local } = open();
  await bringBack(local, logs, { behind: far, slice: 500, most });
  return { logs, path, open, database, local };
}

const opened = (database: EmbeddedDatabase): TaskState => embeddedStateStorage(database, { cachedEntries: 100 }).open(task, stores);
const totalsOf = (state: TaskState): Map<string, Value> => new Map(state.keyValue<Value>("totals").range());
const tableRows = (database: EmbeddedDatabase): number =>
  Number(database.connection.prepare("SELECT count(*) AS n FROM state_rows").get()!["n"]);
const filesOf = (path: string): string[] => readdirSync(`${path}.rows`);

test("[K120] what is restored in bulk is read where it lies, and goes into the table of rows a little a commit", async () => {
  const { database, path } = await restored();
  const state = opened(database);
  expect(tableRows(database)).toBe(0);
  expect(state.keyValue<Value>("totals").get("key 7")).toEqual({ n: 10, text: "7" });
  expect(state.keyValue<Value>("totals").get("key 1")).toBeUndefined();
  expect(state.window<Value>("perMinute").get("key 20", 120_000)).toEqual({ n: 20, text: "" });
  expect(Array.from(state.window<Value>("perMinute").range(0, 120_000), ([start]) => start)).toEqual(Array(100).fill(60_000));
  expect(totalsOf(state).size).toBe(999);
  let last = 0;
  for (let folds = 0; filesOf(path).length > 0; folds++) {
    expect(folds).toBeLessThan(100);
    state.fold(10);
    const rows = tableRows(database);
    expect(rows - last).toBeLessThanOrEqual(256);
    last = rows;
  }
  expect(last).toBe(999 + 1000);
  expect(totalsOf(state).size).toBe(999);
  expect(totalsOf(opened(database)).get("key 500")).toEqual({ n: 10, text: "500" });
  database.close();
});

test("[K120] rows that changed or went while some were still restored ones stay so over restarts", async () => {
  const { database, open, logs } = await restored();
  let state = opened(database);
  const local = new LocalState(database);
  for (let number = 11n; number < 15n; number++) {
    for (let i = 0; i < 200; i++) {
      if (i % 2 === 0) state.keyValue("totals").delete(`key ${i + Number(number)}`);
      else state.keyValue("totals").put(`key ${i + Number(number)}`, { n: Number(number), text: "new" });
    }
    const changes = state.takeChanges();
    const next = logs.append(task, number, changes);
    local.write([{ commit: { task, number, next: [], meta: Buffer.alloc(0), changes, outputs: [] }, next, changelog: "id", atMs: 1 }]);
    state.committed(number);
  }
  const wanted = totalsOf(state);
  database.close();
  for (let round = 0; round < 6; round++) {
    const { database: again } = open();
    state = embeddedStateStorage(again, { tailEntries: 100, cachedEntries: 100 }).open(task, stores);
    expect(totalsOf(state)).toEqual(wanted);
    for (let i = 0; i < 3; i++) state.fold(100);
    expect(totalsOf(state)).toEqual(wanted);
    again.close();
  }
});

test("[K120] a restore in bulk that was cut off is kept and goes on where it was; one that a power cut may have torn is thrown away", async () => {
  const { database, open, logs, path } = await restored({ rows: 60_000, most: 400_000 });
  const half = new LocalState(database).read(task)!;
  expect(half).toMatchObject({ whole: false, number: 0n });
  expect(half.next).toBeGreaterThan(0n);
  database.close();

  const { database: again, local } = open();
  expect(local.read(task)).toEqual(half);
  await bringBack(local, logs, { behind: far, slice: 5000 });
  expect(totalsOf(opened(again)).size).toBe(59_999);
  again.connection.prepare("UPDATE restored_tasks SET boot = 'an earlier one', synced = 1").run();
  again.close();

  const { database: kept, local: keptLocal } = open();
  expect(keptLocal.read(task)).toMatchObject({ whole: true, number: 10n });
  kept.connection.prepare("UPDATE restored_tasks SET synced = 0").run();
  kept.close();

  const { database: torn, local: tornLocal } = open();
  expect(tornLocal.read(task)).toBeUndefined();
  expect(filesOf(path)).toEqual([]);
  expect(totalsOf(opened(torn)).size).toBe(0);
  torn.close();
});

test("[K120] a row that was put and then deleted, while its restored one was behind it, does not come back with a restart", async () => {
  const { database, open } = await restored({ rows: 3000 });
  const local = new LocalState(database);
  let state = embeddedStateStorage(database, { tailEntries: 2, cachedEntries: 1 }).open(task, stores);
  const last = "key 999";
  const steps = [
    () => state.keyValue<Value>("totals").put(last, { n: 0, text: "new" }),
    () => state.keyValue("totals").delete(last),
    () => state.keyValue<Value>("totals").put("key 998", { n: 0, text: "new" }),
  ];
  for (const [i, step] of steps.entries()) {
    step();
    const commit = { task, number: 11n + BigInt(i), next: [], meta: Buffer.alloc(0), changes: state.takeChanges(), outputs: [] };
    local.write([{ commit, next: 50_000n + commit.number, changelog: "id", atMs: 1 }]);
    state.committed(commit.number);
    while (state.fold(1) > 0);
  }
  // Not moved yet, and no longer in a delta: only the base can say.
  expect(tableRows(database)).toBeLessThan(2000);
  expect(Number(database.connection.prepare("SELECT folded FROM state_tasks").get()!["folded"])).toBeGreaterThanOrEqual(12);
  database.close();
  const { database: again } = open();
  state = opened(again);
  expect(state.keyValue<Value>("totals").get(last)).toBeUndefined();
  expect(totalsOf(state).size).toBe(2998);
  again.close();
});

test("[K120] a task that falls far behind while some of its rows are still restored ones is brought up over them, deletes too", async () => {
  const { database, open, logs, local } = await restored();
  const state = opened(database);
  for (let i = 0; i < 3; i++) state.fold(10);
  const elsewhere = embeddedStateStorage(new EmbeddedDatabase(":memory:")).open(task, stores);
  const gone = ["key 0", "key 500", "key 998"];
  for (const key of [...gone, "key 997"]) elsewhere.keyValue<Value>("totals").put(key, { n: 11, text: "new" });
  elsewhere.window("perMinute").expire(9 * 60_000);
  logs.append(task, 11n, elsewhere.takeChanges());
  elsewhere.committed(11n);
  for (const key of gone) elsewhere.keyValue("totals").delete(key);
  logs.append(task, 12n, elsewhere.takeChanges());
  state.close();
  await bringBack(local, logs, { behind: far, slice: 2, most: 2 });
  expect(local.read(task)).toMatchObject({ whole: false });
  await bringBack(local, logs, { behind: far, slice: 2 });
  expect(local.read(task)).toMatchObject({ whole: true, number: 12n });
  for (let round = 0; round < 2; round++) {
    const totals = totalsOf(opened(database));
    expect(totals.size).toBe(996);
    expect(totals.get("key 997")).toEqual({ n: 11, text: "new" });
    expect(totals.get("key 0") ?? totals.get("key 500") ?? totals.get("key 998")).toBeUndefined();
    expect([...opened(database).window("perMinute").range(0, Infinity)]).toHaveLength(200);
  }
  database.close();
  const { database: again } = open();
  expect(totalsOf(opened(again)).size).toBe(996);
  again.close();
});

test("[K120] restored files that lack something are thrown away, and the task is restored again", async () => {
  for (const cut of [(file: string) => truncateSync(file, statSync(file).size - 1), (file: string) => rmSync(file)]) {
    const { database: before, logs } = await restored();
    const file = join(`${before.path}.rows`, filesOf(before.path).at(-1)!);
    before.close();
    cut(file);
    const again = new EmbeddedDatabase(before.path);
    const fresh = new LocalState(again);
    expect(fresh.read(task)).toBeUndefined();
    expect(filesOf(before.path)).toEqual([]);
    await bringBack(fresh, logs, { behind: far, slice: 500 });
    expect(totalsOf(opened(again)).size).toBe(999);
    again.close();
  }
});

test("[K120] keys of restored rows leave memory with the task that has them open", async () => {
  const { database } = await restored();
  const restoredTasks = RestoredTasks.of(database);
  const state = opened(database);
  expect(restoredTasks.rowsInMemory).toBe(999 + 1000);
  state.close();
  await Promise.resolve();
  expect(restoredTasks.rowsInMemory).toBe(0);
  expect(totalsOf(opened(database)).size).toBe(999);
  database.close();
});

test("[K120] a restore that finds more keys than may be in memory writes them into the table of rows", async () => {
  const { database, path, logs } = await restored({ mostRows: 300 });
  expect(RestoredTasks.of(database).rowsInMemory).toBe(0);
  expect(filesOf(path)).toEqual([]);
  expect(tableRows(database)).toBe(999 + 1000);
  expect(totalsOf(opened(database)).size).toBe(999);
  new LocalState(database).forget(task);
  await bringBack(new LocalState(database), logs, { behind: far, slice: 500 });
  expect(filesOf(path)).toHaveLength(2);
  new LocalState(database).forget(task);
  expect(filesOf(path)).toEqual([]);
  database.close();
});

test("[K120] what was read is kept when reading ends before the end, however little", async () => {
  const logs = new Changelogs();
  const task = taskId("counts", 0);
  for (let number = 1n; number <= 15n; number++) {
    const writer = new DeltaWriter();
    writer.begin("key-value");
    writer.put(0, `k${number}`, Buffer.from(`v${number}`));
    logs.append(task, number, [{ store: "counts", bytes: writer.take() }]);
  }
  const records = logs.records.get(task)!;
  const path = newFile();
  let read = 0;
  for (const most of [10, 10, Infinity]) {
    const database = new EmbeddedDatabase(path);
    const local = new LocalState(database);
    await bringBack(local, logs, { behind: far, slice: 10, most });
    read = Math.min(read + most, records.length);
    const isWhole = most === Infinity;
    expect(local.read(task)).toMatchObject({ whole: isWhole, next: isWhole ? logs.ends.get(task)! : records[read - 1]!.offset + 1n });
    database.close();
  }
});
