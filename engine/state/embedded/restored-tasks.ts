import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { uptime } from "node:os";
import { join } from "node:path";
import type { TaskId } from "#broker/broker.ts";
import type { EmbeddedDatabase } from "#broker/embedded/database.ts";
import { RestoredRows } from "./restored-rows.ts";

/** `synced`: it outlasts a power cut. Of rows that went to the table of rows, `folded` is the last in order of store, then key. */
const schema = [
  `CREATE TABLE restored_tasks(id INTEGER PRIMARY KEY AUTOINCREMENT, task TEXT NOT NULL UNIQUE, values_end INTEGER NOT NULL, keys_end INTEGER NOT NULL,
     boot TEXT NOT NULL, synced INTEGER NOT NULL, folded_store INTEGER, folded_key BLOB);
   CREATE TABLE restored_gone(restored INTEGER NOT NULL, store INTEGER NOT NULL, key BLOB NOT NULL, PRIMARY KEY(restored, store, key)) WITHOUT ROWID;`,
];

/** Rows that went to the table of rows, in their order, end with this one. */
export type Folded = { readonly store: number; readonly key: Uint8Array };
export type RestoredTask = {
  readonly id: number;
  readonly rows: RestoredRows;
  /** As the file has it. */
  folded: Folded | undefined;
  synced: "no" | "on the disk" | "said";
};

const registries = new WeakMap<EmbeddedDatabase, RestoredTasks>();

/** The restored rows of all tasks of one file, in files of a folder beside it. Whoever restores and whoever opens the state has the same ones in memory. */
export class RestoredTasks {
  /** Undefined where the database keeps nothing either. */
  readonly folder: string | undefined;
  readonly #database;
  readonly #open = new Map<TaskId, RestoredTask>();
  /** Dropped, if the transaction that did it was not rolled back. */
  #doomed: number[] = [];
  readonly #select;
  readonly #all;
  readonly #insert;
  readonly #keep;
  readonly #fold;
  readonly #said;
  readonly #delete;
  readonly #gone;
  readonly #addGone;
  readonly #deleteGone;
  readonly #stores;
  readonly #ids;

  static of(database: EmbeddedDatabase): RestoredTasks {
    let registry = registries.get(database);
    if (registry === undefined) registries.set(database, (registry = new RestoredTasks(database)));
    return registry;
  }

  private constructor(database: EmbeddedDatabase) {
    database.migrate("restored", schema);
    this.#database = database;
    this.folder = database.path === ":memory:" ? undefined : `${database.path}.rows`;
    const { connection } = database;
    this.#select = connection.prepare("SELECT * FROM restored_tasks WHERE task = ?");
    this.#all = connection.prepare("SELECT id, task, values_end, keys_end, boot, synced FROM restored_tasks");
    this.#insert = connection.prepare("INSERT INTO restored_tasks(task, values_end, keys_end, boot, synced) VALUES (?, 0, 0, ?, 0)");
    this.#keep = connection.prepare("UPDATE restored_tasks SET values_end = ?, keys_end = ?, boot = ?, synced = 0 WHERE id = ?");
    this.#fold = connection.prepare("UPDATE restored_tasks SET folded_store = ?, folded_key = ? WHERE id = ?");
    this.#said = connection.prepare("UPDATE restored_tasks SET synced = 1 WHERE id = ?");
    this.#delete = connection.prepare("DELETE FROM restored_tasks WHERE id = ?");
    this.#gone = connection.prepare("SELECT store, key FROM restored_gone WHERE restored = ?");
    this.#addGone = connection.prepare("INSERT OR IGNORE INTO restored_gone VALUES (?, ?, ?)");
    this.#deleteGone = connection.prepare("DELETE FROM restored_gone WHERE restored = ?");
    this.#stores = connection.prepare("SELECT id FROM state_stores WHERE task = ?");
    this.#ids = connection.prepare("SELECT id FROM restored_tasks");
    this.#sweepAll();
    database.beforeClose(() => {
      for (const { rows } of this.#open.values()) rows.close();
    });
  }

  /** Live rows of all tasks whose keys are in memory. */
  get rowsInMemory(): number {
    let rows = 0;
    for (const { rows: of } of this.#open.values()) rows += of.keys.live;
    return rows;
  }

  /** What was restored of a task and is not all in the table of rows yet. @throws {BrokerError} `BROKER_IO`, `BROKER_CORRUPT` */
  of(task: TaskId): RestoredTask | undefined {
    const open = this.#open.get(task);
    if (open !== undefined || this.folder === undefined) return open;
    const row = this.#database.read(() => this.#select.get(task));
    if (row === undefined) return undefined;
    const id = Number(row["id"]);
    const rows = new RestoredRows(this.#pathOf(id), { values: Number(row["values_end"]), keys: Number(row["keys_end"]) });
    const store = row["folded_store"];
    const folded = store === null ? undefined : { store: Number(store), key: row["folded_key"] as Uint8Array };
    const restored: RestoredTask = { id, rows, folded, synced: row["synced"] === 1 ? "said" : "no" };
    this.#forgetDead(restored);
    this.killForgotten(task, restored);
    this.#open.set(task, restored);
    return restored;
  }

  /** Tasks whose files lack something, or may: they were not on the disk yet, and the machine has started since. */
  torn(): TaskId[] {
    const rows = this.#database.read(() => this.#all.all());
    return rows.filter((row) => this.#isTorn(row)).map((row) => row["task"] as TaskId);
  }

  /** Begins a restore of about so many rows; within a transaction. */
  begin(task: TaskId, rows: number): RestoredTask {
    mkdirSync(this.folder!, { recursive: true });
    const id = Number(this.#insert.run(task, boot).lastInsertRowid);
    const restored: RestoredTask = {
      id,
      rows: new RestoredRows(this.#pathOf(id), { values: 0, keys: 0 }, rows),
      folded: undefined,
      synced: "no",
    };
    this.#open.set(task, restored);
    return restored;
  }

  /** All that was put into it counts; within a transaction. */
  keep({ id, rows }: RestoredTask): void {
    rows.keep();
    const { values, keys } = rows.ends;
    this.#keep.run(values, keys, boot, id);
  }

  /** Has the files written to the disk, without waiting for it. */
  sync(restored: RestoredTask): void {
    void restored.rows.sync().then((done) => {
      if (done && restored.synced === "no") restored.synced = "on the disk";
    });
  }

  /** Rows up to and with this one are in the table of rows; within a transaction. */
  markFolded(restored: RestoredTask, folded: Folded): void {
    this.#fold.run(folded.store, folded.key, restored.id);
    if (restored.synced === "on the disk") {
      this.#said.run(restored.id);
      restored.synced = "said";
    }
  }

  /** A row that is deleted, and not to come back when the files are read again, even if a newer one was put before it; within a transaction. */
  remove({ id, rows: { keys }, folded }: RestoredTask, store: number, key: Uint8Array): void {
    const row = keys.find(store, key);
    if (row < 0) return;
    keys.kill(row);
    if (folded === undefined || keys.compareTo(row, folded.store, folded.key) > 0) this.#addGone.run(id, store, key);
  }

  /** Within a transaction; `sweep` deletes the files behind it. */
  drop(task: TaskId): void {
    const open = this.#open.get(task);
    this.#open.delete(task);
    open?.rows.close();
    const row = this.#select.get(task);
    if (row === undefined) return;
    const id = Number(row["id"]);
    this.#delete.run(id);
    this.#deleteGone.run(id);
    this.#doomed.push(id);
  }

  /** Frees the memory of what nobody has open; it is read again when somebody does. */
  release(task: TaskId): void {
    this.#open.get(task)?.rows.close();
    this.#open.delete(task);
  }

  sweep(): void {
    if (this.#doomed.length === 0) return;
    this.#doomed = [];
    this.#sweepAll();
  }

  /** Deletes files that belong to no task any more. */
  #sweepAll(): void {
    if (this.folder === undefined) return;
    const ids = new Set(this.#database.read(() => this.#ids.all()).map(({ id }) => String(id)));
    for (const name of filesIn(this.folder)) if (!ids.has(name.split(".")[0]!)) rmSync(join(this.folder, name), { force: true });
  }

  /** Rows of stores that were forgotten since are not to be found any more. */
  killForgotten(task: TaskId, { rows }: RestoredTask): void {
    const stores = new Set(this.#database.read(() => this.#stores.all(task)).map((row) => Number(row["id"])));
    for (const store of rows.keys.storesOfLive()) if (!stores.has(store)) rows.keys.killStore(store);
  }

  #isTorn(row: Readonly<Record<string, unknown>>): boolean {
    if (row["synced"] === 0 && row["boot"] !== boot) return true;
    const path = this.#pathOf(Number(row["id"]));
    return sizeOf(`${path}.values`) < Number(row["values_end"]) || sizeOf(`${path}.keys`) < Number(row["keys_end"]);
  }

  #forgetDead({ id, rows: { keys }, folded }: RestoredTask): void {
    if (folded !== undefined)
      for (let row = 0; row < keys.count; row++) if (keys.compareTo(row, folded.store, folded.key) <= 0) keys.kill(row);
    for (const gone of this.#database.read(() => this.#gone.all(id))) {
      const row = keys.find(Number(gone["store"]), gone["key"] as Uint8Array);
      if (row >= 0) keys.kill(row);
    }
  }

  #pathOf(id: number): string {
    return join(this.folder!, String(id));
  }
}

/** Names this run of the machine: what was written within it and not to the disk is still there. */
const boot = bootId();

function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return `minute ${Math.round((Date.now() / 1000 - uptime()) / 60)}`;
  }
}

/** 0 for one that is not there. */
const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
