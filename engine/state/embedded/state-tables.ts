import type { TaskId } from "#broker/broker.ts";
import type { EmbeddedDatabase } from "#broker/embedded/database.ts";
import type { BaseRow } from "#state/base.ts";
import { RestoredTasks } from "./restored-tasks.ts";
import { StateError } from "#state/state-error.ts";
import type { StoreSpec } from "#state/store.ts";

/** Ids are never used again, so that rows of a forgotten store can be deleted later. */
const schema = [
  `CREATE TABLE state_tasks(task TEXT PRIMARY KEY, folded INTEGER NOT NULL) WITHOUT ROWID;
   CREATE TABLE state_stores(id INTEGER PRIMARY KEY AUTOINCREMENT, task TEXT NOT NULL, store TEXT NOT NULL, kind TEXT NOT NULL,
     since INTEGER NOT NULL, expired INTEGER NOT NULL, UNIQUE(task, store));
   CREATE TABLE state_rows(store INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY(store, key)) WITHOUT ROWID;
   CREATE TABLE state_forgotten(store INTEGER PRIMARY KEY);`,
  `CREATE TABLE state_untold(task TEXT NOT NULL, store TEXT NOT NULL, PRIMARY KEY(task, store)) WITHOUT ROWID;`,
];

export type StoreRow = {
  readonly id: number;
  readonly store: string;
  readonly kind: string;
  readonly since: number;
  readonly expired: number;
};

/** The tables of all tasks' bases in the file of the embedded log; one key-ordered table of rows for all stores. */
export class StateTables {
  readonly database: EmbeddedDatabase;
  /** Rows that were restored and do not all stand in the table of rows yet. */
  readonly restored: RestoredTasks;
  readonly #folded;
  readonly #markFolded;
  readonly #stores;
  readonly #addStore;
  readonly #dropStore;
  readonly #forget;
  readonly #addUntold;
  readonly #untold;
  readonly #dropUntold;
  readonly #forgotten;
  readonly #dropForgotten;
  readonly #markExpired;
  readonly #raiseExpired;
  readonly #get;
  readonly #put;
  readonly #putIfAbsent;
  readonly #delete;
  readonly #deleteBefore;
  readonly #pageTo;
  readonly #page;
  readonly #keys;

  constructor(database: EmbeddedDatabase) {
    database.migrate("state", schema);
    this.database = database;
    this.restored = RestoredTasks.of(database);
    const { connection } = database;
    this.#folded = connection.prepare("SELECT folded FROM state_tasks WHERE task = ?");
    this.#markFolded = connection.prepare("INSERT OR REPLACE INTO state_tasks VALUES (?, ?)");
    this.#stores = connection.prepare("SELECT id, store, kind, since, expired FROM state_stores WHERE task = ?");
    this.#addStore = connection.prepare("INSERT INTO state_stores(task, store, kind, since, expired) VALUES (?, ?, ?, ?, 0)");
    this.#dropStore = connection.prepare("DELETE FROM state_stores WHERE id = ?");
    this.#forget = connection.prepare("INSERT INTO state_forgotten VALUES (?)");
    this.#addUntold = connection.prepare("INSERT OR IGNORE INTO state_untold VALUES (?, ?)");
    this.#untold = connection.prepare("SELECT store FROM state_untold WHERE task = ?");
    this.#dropUntold = connection.prepare("DELETE FROM state_untold WHERE task = ?");
    this.#forgotten = connection.prepare("SELECT store FROM state_forgotten LIMIT 1");
    this.#dropForgotten = connection.prepare("DELETE FROM state_forgotten WHERE store = ?");
    this.#markExpired = connection.prepare("UPDATE state_stores SET expired = ? WHERE id = ?");
    this.#raiseExpired = connection.prepare("UPDATE state_stores SET expired = max(expired, ?) WHERE id = ?");
    this.#get = connection.prepare("SELECT value FROM state_rows WHERE store = ? AND key = ?");
    this.#put = connection.prepare("INSERT INTO state_rows VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value");
    this.#putIfAbsent = connection.prepare("INSERT INTO state_rows VALUES (?, ?, ?) ON CONFLICT DO NOTHING");
    this.#delete = connection.prepare("DELETE FROM state_rows WHERE store = ? AND key = ?");
    this.#deleteBefore = connection.prepare(
      "DELETE FROM state_rows WHERE store = ?1 AND key IN (SELECT key FROM state_rows WHERE store = ?1 AND key < ?2 ORDER BY key LIMIT ?3)",
    );
    this.#pageTo = connection.prepare("SELECT key, value FROM state_rows WHERE store = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?");
    this.#page = connection.prepare("SELECT key, value FROM state_rows WHERE store = ? AND key >= ? ORDER BY key LIMIT ?");
    this.#keys = connection.prepare("SELECT key FROM state_rows WHERE store = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?");
  }

  foldedOf(task: TaskId): bigint {
    return BigInt(this.database.read(() => Number(this.#folded.get(task)?.["folded"] ?? 0)));
  }

  markFolded(task: TaskId, number: bigint): void {
    this.#markFolded.run(task, number);
  }

  /** The task's stores as declared: new ones are made, others forgotten. `last` is the task's last commit. @throws {StateError} `STATE_STORE_MISMATCH` */
  storesOf(task: TaskId, stores: Readonly<Record<string, StoreSpec>>, last: bigint): ReadonlyMap<string, StoreRow> {
    const found = new Map(this.#readStores(task).map((row) => [row.store, row]));
    const gone = [...found.values()].filter(({ store }) => !Object.hasOwn(stores, store));
    const missing: string[] = [];
    for (const [name, { kind }] of Object.entries(stores)) {
      const row = found.get(name);
      if (row === undefined) missing.push(name);
      else if (row.kind !== kind) {
        throw new StateError("STATE_STORE_MISMATCH", `the state has a ${row.kind} store, the topology a ${kind} store`, {
          at: `${task} ${name}`,
        });
      }
    }
    if (gone.length + missing.length === 0) return found;
    this.database.transaction("normal", () => {
      for (const { id, store } of gone) {
        this.#drop(id);
        this.#addUntold.run(task, store);
      }
      for (const name of missing) this.#addStore.run(task, name, stores[name]!.kind, last);
    });
    return new Map(this.#readStores(task).map((row) => [row.store, row]));
  }

  findStore(task: TaskId, store: string): StoreRow | undefined {
    return this.#readStores(task).find((row) => row.store === store);
  }

  /**
   * The row of a store, made when it is missing: then deltas up to and with `since` are of an earlier one of its name. Within a transaction.
   * @throws {StateError} `STATE_STORE_MISMATCH`
   */
  storeRow(task: TaskId, store: string, { kind, since }: { readonly kind: StoreSpec["kind"]; readonly since: bigint }): StoreRow {
    const found = this.findStore(task, store);
    if (found === undefined) {
      const id = Number(this.#addStore.run(task, store, kind, since).lastInsertRowid);
      return { id, store, kind, since: Number(since), expired: 0 };
    }
    if (found.kind !== kind) {
      throw new StateError("STATE_STORE_MISMATCH", `the state has a ${found.kind} store, the changelog a ${kind} store`, {
        at: `${task} ${store}`,
      });
    }
    return found;
  }

  /** Forgets all stores of a task and what was folded of it; within a transaction. */
  forgetTask(task: TaskId): void {
    for (const { id } of this.#readStores(task)) this.#drop(id);
    this.#dropUntold.run(task);
    this.#markFolded.run(task, 0);
    this.restored.drop(task);
  }

  /** The store as if it had never been; within a transaction. */
  dropStore(task: TaskId, store: string): void {
    const found = this.findStore(task, store);
    if (found !== undefined) this.#drop(found.id);
  }

  /** Forgotten stores of which no commit has told yet. */
  untoldOf(task: TaskId): string[] {
    return this.database.read(() => this.#untold.all(task)).map((row) => row["store"] as string);
  }

  markTold(task: TaskId): void {
    this.#dropUntold.run(task);
  }

  #drop(id: number): void {
    this.#dropStore.run(id);
    this.#forget.run(id);
  }

  #readStores(task: TaskId): readonly StoreRow[] {
    return this.database.read(() => this.#stores.all(task)) as unknown as readonly StoreRow[];
  }

  markExpired(store: number, before: number): void {
    this.#markExpired.run(before, store);
  }

  /** As `markExpired`, but never back. */
  raiseExpired(store: number, before: number): void {
    this.#raiseExpired.run(before, store);
  }

  get(store: number, key: Uint8Array): Uint8Array | undefined {
    return this.database.read(() => this.#get.get(store, key))?.["value"] as Uint8Array | undefined;
  }

  page(
    store: number,
    bounds: { readonly from: Uint8Array; readonly to: Uint8Array | undefined; readonly limit: number },
  ): readonly BaseRow[] {
    const { from, to, limit } = bounds;
    return this.database.read(() =>
      to === undefined ? this.#page.all(store, from, limit) : this.#pageTo.all(store, from, to, limit),
    ) as unknown as readonly BaseRow[];
  }

  keys(
    store: number,
    { from, to, limit }: { readonly from: Uint8Array; readonly to: Uint8Array; readonly limit: number },
  ): readonly Uint8Array[] {
    return this.database.read(() => this.#keys.all(store, from, to, limit)).map((row) => row["key"] as Uint8Array);
  }

  put(store: number, key: Uint8Array, value: Uint8Array): void {
    this.#put.run(store, key, value);
  }

  putIfAbsent(store: number, key: Uint8Array, value: Uint8Array): void {
    this.#putIfAbsent.run(store, key, value);
  }

  delete(store: number, key: Uint8Array): void {
    this.#delete.run(store, key);
  }

  deleteBefore(store: number, to: Uint8Array, limit: number): number {
    return Number(this.#deleteBefore.run(store, to, limit).changes);
  }

  /** Deletes some rows of forgotten stores, within a transaction; false when there is none. */
  sweepForgotten(limit: number): boolean {
    const store = this.#forgotten.get()?.["store"];
    if (store === undefined) return false;
    // Key bytes end with the store: 0xff is in no UTF-8, and no window starts that late.
    if (this.deleteBefore(Number(store), endOfKeys, limit) < limit) this.#dropForgotten.run(Number(store));
    return true;
  }

  get hasForgotten(): boolean {
    return this.database.read(() => this.#forgotten.get()) !== undefined;
  }
}

const endOfKeys = new Uint8Array(9).fill(0xff);
