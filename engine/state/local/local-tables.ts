import type { TaskId } from "#broker/broker.ts";
import type { EmbeddedDatabase } from "#broker/embedded/database.ts";
import type { LocalCheckpoint } from "#broker/kafka/changelog/local-copy.ts";

const schema = [
  `CREATE TABLE local_tasks(task TEXT PRIMARY KEY, number INTEGER NOT NULL, meta BLOB NOT NULL, next INTEGER NOT NULL, changelog TEXT NOT NULL,
     whole INTEGER NOT NULL, written_at INTEGER NOT NULL) WITHOUT ROWID;`,
];

type Row = {
  readonly number: bigint;
  readonly meta: Uint8Array;
  readonly next: bigint;
  readonly changelog: string;
  readonly whole: bigint;
  readonly written_at: bigint;
};

/** How far each task's changelog is reflected in this file. Writes are made within a transaction. */
export class LocalTables {
  readonly #database;
  readonly #select;
  readonly #tasks;
  readonly #upsert;
  readonly #delete;

  constructor(database: EmbeddedDatabase) {
    database.migrate("local", schema);
    const { connection } = database;
    this.#database = database;
    this.#select = connection.prepare("SELECT number, meta, next, changelog, whole, written_at FROM local_tasks WHERE task = ?");
    this.#select.setReadBigInts(true);
    this.#tasks = connection.prepare("SELECT task FROM local_tasks ORDER BY task");
    this.#upsert = connection.prepare("INSERT OR REPLACE INTO local_tasks VALUES (?, ?, ?, ?, ?, ?, ?)");
    this.#delete = connection.prepare("DELETE FROM local_tasks WHERE task = ?");
  }

  read(task: TaskId): LocalCheckpoint | undefined {
    const row = this.#database.read(() => this.#select.get(task)) as Row | undefined;
    if (row === undefined) return undefined;
    const { number, meta, next, changelog, whole, written_at: writtenAt } = row;
    return { number, meta, next, changelog, whole: whole === 1n, writtenAtMs: Number(writtenAt) };
  }

  tasks(): TaskId[] {
    return this.#database.read(() => this.#tasks.all()).map((row) => row["task"] as TaskId);
  }

  write(task: TaskId, { number, meta, next, changelog, whole, writtenAtMs }: LocalCheckpoint): void {
    this.#upsert.run(task, number, meta, next, changelog, whole ? 1 : 0, Math.trunc(writtenAtMs));
  }

  delete(task: TaskId): void {
    this.#delete.run(task);
  }
}
