import { expect, test } from "vitest";
import { type StoreDelta, taskId } from "#broker/broker.ts";
import { EmbeddedDatabase } from "#broker/embedded/database.ts";
import { DeltaReader, deltaOps } from "#broker/store-delta.ts";
import { embeddedStateStorage } from "#state/embedded/embedded-state-storage.ts";
import { reusingCodec, type Value } from "#state/state-harness.ts";
import { keyValueStore, type StoreSpec, windowStore } from "#state/store.ts";
import type { TaskState, TaskStateLimits } from "#state/task-state.ts";
import { bringBack, Changelogs, entryOf } from "./changelogs-in-memory.ts";
import { LocalState } from "./local-state.ts";

const task = taskId("orders", 0);
const specs = { totals: keyValueStore(reusingCodec()), perMinute: windowStore(reusingCodec()) };
const minute = 60_000;
const valueOf = (n: number): Value => ({ n, text: "" });
/** Deletes of rows of expired windows that one commit has at the most, beside one for each of its own entries. */
const atLeast = 256;

/** A task whose commits go to a changelog and to a local file. */
class Shop {
  readonly logs = new Changelogs();
  database = new EmbeddedDatabase(":memory:");
  number = 0n;
  state!: TaskState;
  private readonly limits: Partial<TaskStateLimits>;

  constructor(limits: Partial<TaskStateLimits>) {
    this.limits = limits;
    this.open();
  }

  get windows() {
    return this.state.window<Value>("perMinute");
  }

  open(stores: Readonly<Record<string, StoreSpec>> = specs): void {
    this.state = embeddedStateStorage(this.database, this.limits, { tellsExpired: true }).open(task, stores);
  }

  /** Answers how many deletes of rows of windows before `expired` it had. */
  commit(expired = 0): number {
    const own = this.state.dirtyCount;
    const changes = this.state.takeChanges();
    this.makeDurable(changes);
    this.state.committed(this.number);
    const told = toldIn(changes, expired);
    expect(told).toBeLessThanOrEqual(atLeast + own);
    return told;
  }

  /** The answer of a commit is lost with the process, or the commit with it. */
  dieInCommit(done: boolean): void {
    const changes = this.state.takeChanges();
    if (done) this.makeDurable(changes);
    this.open();
  }

  private makeDurable(changes: readonly StoreDelta[]): void {
    const next = this.logs.append(task, ++this.number, changes);
    const commit = { task, number: this.number, next: [], meta: new Uint8Array(0), changes, outputs: [] };
    new LocalState(this.database).write([{ commit, next, changelog: "id", atMs: 1 }]);
  }

  /** As another worker, or this one without its file, finds it. */
  async move(): Promise<void> {
    this.logs.compact(task);
    this.database = new EmbeddedDatabase(":memory:");
    await bringBack(new LocalState(this.database), this.logs, { behind: 1_000_000n, slice: 100 });
    this.open();
  }

  /** Rows with a value that compaction would leave, by start of their window. */
  rowsLeft(store = "perMinute"): Map<number, number> {
    const newest = new Map(this.logs.records.get(task)?.map((record) => [record.key.toString("latin1"), record]));
    const left = new Map<number, number>();
    for (const record of newest.values()) {
      const entry = entryOf(record);
      if (entry.kind !== "row" || entry.store !== store || entry.value === null) continue;
      const start = Number(Buffer.from(entry.rowKey).readBigUInt64BE(0));
      left.set(start, (left.get(start) ?? 0) + 1);
    }
    return left;
  }
}

function toldIn(changes: readonly StoreDelta[], expired: number): number {
  let told = 0;
  for (const { bytes } of changes) {
    const reader = new DeltaReader(bytes, (what) => new Error(what));
    while (reader.next()) if (reader.op === deltaOps.delete && reader.start >= 0 && reader.start < expired) told += 1;
  }
  return told;
}

test.each([
  ["never folded", 0, {}],
  ["folded in part", 60, { tailEntries: 1000, cachedEntries: 50 }],
  ["folded away", 400, { tailEntries: 200, cachedEntries: 10 }],
] as const)("[S18] each row of an expired window is told as a delete once, a few a commit: rows %s", (_, fold, limits) => {
  const shop = new Shop(limits);
  let told = 0;
  const minutes = 12;
  for (let m = 0; m < minutes; m++) {
    const expired = (m - 2) * minute;
    for (let part = 0; part < 5; part++) {
      // Most keys are put again in each part, and so lie in the base and in the tail.
      for (let i = 0; i < 100; i++) shop.windows.put(`key ${i % 3 === 0 ? `${i} ${part}` : i}`, m * minute, valueOf(m));
      shop.state.keyValue<Value>("totals").put("all", valueOf(m));
      if (part === 4) shop.windows.expire(expired);
      told += shop.commit(expired);
      shop.state.fold(fold);
    }
  }
  for (let i = 0; i < 6; i++) {
    shop.state.keyValue<Value>("totals").put("all", valueOf(i));
    told += shop.commit((minutes - 3) * minute);
    while (shop.state.fold(100) > 0);
  }
  const rows = 66 + 34 * 5;
  expect(Object.fromEntries(shop.rowsLeft())).toEqual(
    Object.fromEntries([minutes - 3, minutes - 2, minutes - 1].map((m) => [m * minute, rows])),
  );
  expect(told).toBe((minutes - 3) * rows);
  expect(toldIn(shop.state.takeChanges(), Infinity), "nothing more to tell").toBe(0);
  const kept = Number(shop.database.connection.prepare("SELECT count(*) AS n FROM state_rows").get()!["n"]);
  expect(kept).toBeLessThanOrEqual(3 * rows + 1);
});

test("[S18] a delta stays until what it has of expired windows is told", () => {
  const shop = new Shop({ tailEntries: 100, cachedEntries: 1000 });
  for (let i = 0; i < 2000; i++) shop.windows.put(`key ${i}`, 0, valueOf(i));
  shop.commit();
  shop.windows.expire(minute);
  shop.commit();
  for (let told = 0; told < 2000; told += atLeast) {
    for (let i = 0; i < 20; i++) shop.state.fold(1000);
    expect(shop.state.mustFold, "what waits for a commit is not asked for").toBe(false);
    shop.open();
    shop.commit(minute);
  }
  expect(shop.rowsLeft().size).toBe(0);
  for (let i = 0; i < 20; i++) shop.state.fold(1000);
  expect(Number(shop.database.connection.prepare("SELECT count(*) AS n FROM deltas WHERE number = 1").get()!["n"])).toBe(0);
});

const seeds =
  process.env["SEED"] === undefined ? Array.from({ length: 6 }, () => Math.floor(Math.random() * 2 ** 31)) : [Number(process.env["SEED"])];

test.each(seeds)("[S18] over restarts, moves and lost answers no expired row stays and no live one goes, SEED=%s", async (seed) => {
  let state = seed;
  const random = (n: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  const shop = new Shop({ tailEntries: 20 + random(300), cachedEntries: random(100) });
  let live = new Map<string, number>();
  let durable = new Map<string, number>();
  let [expired, durableExpired] = [0, 0];
  const commit = (): void => {
    shop.commit(durableExpired);
    keep();
  };
  const keep = (): void => {
    durable = new Map(live);
    durableExpired = expired;
  };
  const check = (): void => {
    live = new Map(durable);
    expired = durableExpired;
    const found = Array.from(shop.windows.range(0, Infinity), ([start, key, { n }]) => [`${start} ${key}`, n] as const);
    expect(Object.fromEntries(found), `SEED=${seed}`).toEqual(Object.fromEntries(live));
  };
  for (let step = 0; step < 400; step++) {
    const m = Math.floor(step / 20);
    for (let i = random(40); i > 0; i--) {
      const [start, key] = [Math.max(0, m - random(4)) * minute, `key ${random(60)}`];
      const remove = random(6) === 0;
      if (remove) shop.windows.delete(key, start);
      else shop.windows.put(key, start, valueOf(step));
      if (start < expired) continue;
      if (remove) live.delete(`${start} ${key}`);
      else live.set(`${start} ${key}`, step);
    }
    if (random(8) === 0) {
      expired = Math.max(expired, (m - 2 - random(2)) * minute);
      shop.windows.expire(expired);
      for (const name of live.keys()) if (Number.parseInt(name, 10) < expired) live.delete(name);
    }
    if (random(3) > 0) commit();
    if (random(2) === 0) shop.state.fold(random(200));
    if (random(25) === 0) {
      shop.open();
      check();
    }
    if (random(25) === 0) {
      const done = random(2) === 0;
      shop.dieInCommit(done);
      if (done) keep();
      check();
    }
    if (random(50) === 0) {
      await shop.move();
      check();
    }
  }
  commit();
  for (let i = 0; i < 40; i++) {
    shop.state.fold(1000);
    commit();
  }
  await shop.move();
  check();
  for (const start of shop.rowsLeft().keys()) expect(start, `SEED=${seed}`).toBeGreaterThanOrEqual(durableExpired);
});

test("[S18] windows of a store that was forgotten and declared again are live, whatever was to be told of the earlier one", async () => {
  const shop = new Shop({ tailEntries: 400, cachedEntries: 10 });
  const fill = (n: number): void => {
    for (let i = 0; i < 1000; i++) shop.windows.put(`key ${i}`, 0, valueOf(n));
  };
  fill(1);
  shop.commit();
  while (shop.state.fold(100) > 0);
  shop.windows.expire(minute);
  shop.commit();
  expect(shop.commit(minute)).toBe(atLeast);
  shop.open({ totals: specs.totals });
  shop.open();
  fill(2);
  expect(shop.commit(minute)).toBe(0);
  for (let i = 0; i < 5; i++) {
    while (shop.state.fold(100) > 0);
    expect(shop.commit(minute)).toBe(0);
  }
  expect(Object.fromEntries(shop.rowsLeft())).toEqual({ 0: 1000 });
  await shop.move();
  expect([...shop.windows.range(0, Infinity)]).toHaveLength(1000);
});
