import type { StoreDelta, TaskId } from "#broker/broker.ts";
import type { EmbeddedDatabase } from "./database.ts";
import { asBrokerError } from "./sqlite-error.ts";

const schema = [
  `CREATE TABLE deltas(task TEXT NOT NULL, number INTEGER NOT NULL, store TEXT NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY(task, number, store));`,
];

export type CommittedDelta = StoreDelta & { readonly number: bigint };

/** The tails of all tasks: what each commit changed in each store, until the state room has folded it. */
export class Deltas {
  readonly #database;
  readonly #insert;
  readonly #select;
  readonly #delete;
  readonly #size;

  constructor(database: EmbeddedDatabase) {
    database.migrate("deltas", schema);
    const { connection } = database;
    this.#database = database;
    this.#insert = connection.prepare("INSERT INTO deltas VALUES (?, ?, ?, ?)");
    this.#select = connection.prepare("SELECT number, store, bytes FROM deltas WHERE task = ? AND number > ? ORDER BY number, store");
    this.#select.setReadBigInts(true);
    this.#delete = connection.prepare("DELETE FROM deltas WHERE task = ? AND number <= ?");
    this.#size = connection.prepare("SELECT coalesce(sum(length(bytes)), 0) AS bytes FROM deltas WHERE task = ?");
  }

  /** Within the commit's transaction. */
  write(task: TaskId, number: bigint, changes: readonly StoreDelta[]): void {
    for (const { store, bytes } of changes) this.#insert.run(task, number, store, bytes);
  }

  /** Deltas of the commits behind `after`, in order of commit, then store; read to the end before the next write. @throws {BrokerError} `BROKER_CORRUPT`, `BROKER_IO` */
  *read(task: TaskId, after: bigint = -1n): IterableIterator<CommittedDelta> {
    try {
      for (const row of this.#select.iterate(task, after)) {
        const { number, store, bytes } = row as { number: bigint; store: string; bytes: Uint8Array };
        yield { number, store, bytes };
      }
    } catch (error) {
      throw asBrokerError(error, `${this.#database.path}, deltas of ${task}`);
    }
  }

  /** Forgets the deltas of all commits up to and with `number`; within a transaction. */
  dropUpTo(task: TaskId, number: bigint): void {
    this.#delete.run(task, number);
  }

  /** Bytes of all deltas of the task. */
  bytesOf(task: TaskId): number {
    return this.#database.read(() => Number(this.#size.get(task)?.["bytes"]));
  }
}
