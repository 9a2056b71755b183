import type { Position, TaskCheckpoint, TaskCommit, TaskId } from "#broker/broker.ts";
import type { EmbeddedDatabase } from "./database.ts";

const schema = [
  `CREATE TABLE checkpoints(grp TEXT NOT NULL, task TEXT NOT NULL, number INTEGER NOT NULL, next TEXT NOT NULL, meta BLOB NOT NULL, PRIMARY KEY(grp, task))
     WITHOUT ROWID;`,
];

/** The last commit of each task. */
export class Checkpoints {
  readonly #database;
  readonly #upsert;
  readonly #select;
  readonly #selectGroup;

  constructor(database: EmbeddedDatabase) {
    database.migrate("checkpoints", schema);
    const { connection } = database;
    this.#database = database;
    this.#upsert = connection.prepare("INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?, ?)");
    this.#select = connection.prepare("SELECT number, next, meta FROM checkpoints WHERE grp = ? AND task = ?");
    this.#select.setReadBigInts(true);
    this.#selectGroup = connection.prepare("SELECT task, next FROM checkpoints WHERE grp = ?");
  }

  /** Within the commit's transaction. */
  write(group: string, { task, number, next, meta }: TaskCommit): void {
    this.#upsert.run(group, task, number, encodePositions(next), meta);
  }

  read(group: string, task: TaskId): TaskCheckpoint {
    const row = this.#database.read(() => this.#select.get(group, task));
    if (row === undefined) return { task, number: 0n, next: [], meta: new Uint8Array(0) };
    const { number, next, meta } = row as { number: bigint; next: string; meta: Uint8Array };
    return { task, number, next: decodePositions(next), meta };
  }

  /** Where each task of the group reads on. */
  positionsOf(group: string): ReadonlyMap<TaskId, readonly Position[]> {
    const rows = this.#database.read(() => this.#selectGroup.all(group)) as { task: TaskId; next: string }[];
    return new Map(rows.map(({ task, next }) => [task, decodePositions(next)]));
  }
}

const encodePositions = (positions: readonly Position[]): string =>
  JSON.stringify(positions.map(({ topic, partition, offset }) => [topic, partition, String(offset)]));

const decodePositions = (text: string): Position[] =>
  (JSON.parse(text) as [string, number, string][]).map(([topic, partition, offset]) => ({ topic, partition, offset: BigInt(offset) }));
