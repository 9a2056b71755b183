import type { EmbeddedDatabase } from "#broker/embedded/database.ts";

/** A stored batch, as the file has it. */
export type StoredBatch = {
  readonly base: number;
  readonly next: number;
  readonly count: number;
  readonly kind: "records" | "watermarks";
  readonly appendedAtMs: number;
  readonly bytes: Uint8Array;
};

/** What retention asks of a batch. */
export type BatchFront = Pick<StoredBatch, "base" | "next" | "appendedAtMs"> & { readonly size: number };

/** Topics that are trimmed behind their readers have a table of their own, so that what leaves early frees whole pages. */
export type BatchTableName = "kept" | "passing";

export const batchTablesSchema = `
  CREATE TABLE kept_batches(row INTEGER PRIMARY KEY, partition INTEGER NOT NULL, base INTEGER NOT NULL, next INTEGER NOT NULL,
    count INTEGER NOT NULL, kind INTEGER NOT NULL, appended_at INTEGER NOT NULL, bytes BLOB NOT NULL);
  CREATE TABLE passing_batches(row INTEGER PRIMARY KEY, partition INTEGER NOT NULL, base INTEGER NOT NULL, next INTEGER NOT NULL,
    count INTEGER NOT NULL, kind INTEGER NOT NULL, appended_at INTEGER NOT NULL, bytes BLOB NOT NULL);
  CREATE TABLE kept_places(key INTEGER PRIMARY KEY, row INTEGER NOT NULL);
  CREATE TABLE passing_places(key INTEGER PRIMARY KEY, row INTEGER NOT NULL);
  CREATE TABLE placed(name TEXT PRIMARY KEY, row INTEGER NOT NULL) WITHOUT ROWID;
  INSERT INTO placed VALUES ('kept', 0), ('passing', 0);`;

/** What a log of version 1 held, where batches lay by partition. In its order: sorting would need memory for all of it. */
export const moveBatches = `
  INSERT INTO kept_batches SELECT NULL, b.key >> 44, b.base, b.next, b.count, b.kind, b.appended_at, b.bytes
    FROM batches b CROSS JOIN partitions p ON p.id = b.key >> 44 CROSS JOIN topics t ON t.name = p.topic
    WHERE t.retention <> 'consumed' ORDER BY b.key;
  INSERT INTO passing_batches SELECT NULL, b.key >> 44, b.base, b.next, b.count, b.kind, b.appended_at, b.bytes
    FROM batches b CROSS JOIN partitions p ON p.id = b.key >> 44 CROSS JOIN topics t ON t.name = p.topic
    WHERE t.retention = 'consumed' ORDER BY b.key;
  INSERT INTO kept_places SELECT partition << 44 | base, row FROM kept_batches ORDER BY row;
  INSERT INTO passing_places SELECT partition << 44 | base, row FROM passing_batches ORDER BY row;
  UPDATE placed SET row = (SELECT coalesce(max(row), 0) FROM kept_batches) WHERE name = 'kept';
  UPDATE placed SET row = (SELECT coalesce(max(row), 0) FROM passing_batches) WHERE name = 'passing';
  DROP TABLE batches;`;

/** Row id of a place: places lie by partition, then offset, so that reading on is reading neighbours. */
export const keyOf = (partitionId: number, offset: number): bigint => (BigInt(partitionId) << 44n) | BigInt(offset);

/** So many batches wait in memory for a place. More makes opening slower; fewer writes more pages. */
const mostWaiting = 2048;

const kinds = ["records", "watermarks"] as const;

type BatchRow = readonly [base: number, next: number, count: number, kind: number, appendedAtMs: number, bytes: Uint8Array];
type Waiting = BatchFront & { readonly row: number };

/**
 * Batches in the order in which they are written: rows at the end of one B-tree fill its pages, where rows at the end of every partition's part would
 * split them, some three pages a row. Where a partition's batches lie is written many at a time; until then it is known here, and read again from the
 * rows when the log is opened. Writes are made within a transaction, whose end is told by `written` or `rollback`.
 */
export class BatchTable {
  readonly #database;
  readonly #statements;
  readonly #mostWaiting;
  /** By partition, in order of offsets. */
  readonly #waiting = new Map<number, Waiting[]>();
  #waitingCount = 0;
  #lastRow = 0;
  /** The last row of a transaction that has ended well. */
  #writtenRow = 0;

  constructor(database: EmbeddedDatabase, name: BatchTableName, { waiting = mostWaiting } = {}) {
    const { connection } = database;
    const [batches, places] = [`${name}_batches`, `${name}_places`];
    // The order of places leads, whatever the planner thinks of their number.
    const joined = `FROM ${places} CROSS JOIN ${batches} USING (row) WHERE key >= ? AND key < ? ORDER BY key`;
    const prepare = (sql: string): ReturnType<typeof connection.prepare> => connection.prepare(sql);
    this.#database = database;
    this.#mostWaiting = waiting;
    this.#statements = {
      insert: prepare(`INSERT INTO ${batches} VALUES (?, ?, ?, ?, ?, ?, ?, ?)`),
      batches: prepare(`SELECT base, next, count, kind, appended_at, bytes ${joined}`),
      batch: prepare(`SELECT base, next, count, kind, appended_at, bytes FROM ${batches} WHERE row = ?`),
      fronts: prepare(`SELECT base, next, appended_at AS appendedAtMs, length(bytes) AS size ${joined}`),
      floor: prepare(`SELECT base, next ${joined} DESC LIMIT 1`),
      drop: prepare(`DELETE FROM ${batches} WHERE row IN (SELECT row FROM ${places} WHERE key >= ? AND key < ?)`),
      dropPlaces: prepare(`DELETE FROM ${places} WHERE key >= ? AND key < ?`),
      dropRow: prepare(`DELETE FROM ${batches} WHERE row = ?`),
      place: prepare(`INSERT INTO ${places} VALUES (?, ?)`),
      placed: prepare(`SELECT row FROM placed WHERE name = '${name}'`),
      setPlaced: prepare(`UPDATE placed SET row = ? WHERE name = '${name}'`),
      behind: prepare(
        `SELECT row, partition, base, next, appended_at AS appendedAtMs, length(bytes) AS size FROM ${batches} WHERE row > ? ORDER BY row`,
      ),
    };
    this.#statements.batches.setReturnArrays(true);
    this.#statements.batch.setReturnArrays(true);
    database.read(() => {
      this.#lastRow = Number(this.#statements.placed.get()!["row"]);
      for (const found of this.#statements.behind.iterate(this.#lastRow)) {
        const { partition, ...waiting } = found as Waiting & { readonly partition: number };
        this.#wait(partition, waiting);
      }
    });
    this.#writtenRow = this.#lastRow;
  }

  /** The partition's next batch. */
  add(partition: number, { base, next, count, kind, appendedAtMs, bytes }: StoredBatch): void {
    const row = this.#lastRow + 1;
    this.#statements.insert.run(row, partition, base, next, count, kinds.indexOf(kind), appendedAtMs, bytes);
    this.#wait(partition, { row, base, next, appendedAtMs, size: bytes.length });
  }

  written(): void {
    this.#writtenRow = this.#lastRow;
  }

  rollback(): void {
    if (this.#lastRow === this.#writtenRow) return;
    for (const waiting of this.#waiting.values()) {
      while (waiting.length > 0 && waiting.at(-1)!.row > this.#writtenRow) {
        waiting.pop();
        this.#waitingCount -= 1;
      }
    }
    this.#lastRow = this.#writtenRow;
  }

  /** Enough of them wait for `place`. */
  get placeIsDue(): boolean {
    return this.#waitingCount >= this.#mostWaiting;
  }

  /** Writes where the batches lie, in a transaction of its own. @throws {BrokerError} as `transaction` does; then it is as before */
  place(): void {
    this.#database.transaction("normal", () => {
      for (const [partition, waiting] of [...this.#waiting].toSorted(([a], [b]) => a - b)) {
        for (const { base, row } of waiting) this.#statements.place.run(keyOf(partition, base), row);
      }
      this.#statements.setPlaced.run(this.#lastRow);
    });
    this.#waiting.clear();
    this.#waitingCount = 0;
  }

  /** Behind the partition's last batch; 0 when it has none. */
  endOf(partition: number): number {
    return this.#waiting.get(partition)?.at(-1)?.next ?? this.#floor(partition, 2 ** 44 - 1)?.next ?? 0;
  }

  /** The batch that holds the offset, or else the next one behind it, and all that follow. */
  *from(partition: number, offset: number): IterableIterator<StoredBatch> {
    const waiting = this.#waiting.get(partition) ?? [];
    if (waiting.length === 0 || offset < waiting[0]!.base) {
      const floor = this.#floor(partition, offset);
      const first = floor !== undefined && floor.next > offset ? floor.base : offset;
      const rows = this.#statements.batches.iterate(keyOf(partition, first), keyOf(partition + 1, 0));
      for (const row of rows as unknown as Iterable<BatchRow>) yield batchOf(row);
    }
    for (let i = firstBehind(waiting, offset); i < waiting.length; i++) {
      yield batchOf(this.#statements.batch.get(waiting[i]!.row) as unknown as BatchRow);
    }
  }

  /** The partition's batches, oldest first. */
  *fronts(partition: number): IterableIterator<BatchFront> {
    for (const front of this.#statements.fronts.iterate(keyOf(partition, 0), keyOf(partition + 1, 0))) yield front as BatchFront;
    yield* this.#waiting.get(partition) ?? [];
  }

  /** Drops the partition's batches that end at `next` or before; `dropped` when the transaction has ended well. */
  drop(partition: number, next: number): void {
    const range = [keyOf(partition, 0), keyOf(partition, next)] as const;
    this.#statements.drop.run(...range);
    this.#statements.dropPlaces.run(...range);
    const waiting = this.#waiting.get(partition) ?? [];
    for (const { row } of waiting.slice(0, firstBehind(waiting, next))) this.#statements.dropRow.run(row);
  }

  dropped(partition: number, next: number): void {
    const waiting = this.#waiting.get(partition) ?? [];
    this.#waitingCount -= waiting.splice(0, firstBehind(waiting, next)).length;
  }

  #floor(partition: number, offset: number): { readonly base: number; readonly next: number } | undefined {
    return this.#statements.floor.get(keyOf(partition, 0), keyOf(partition, offset) + 1n) as { base: number; next: number } | undefined;
  }

  #wait(partition: number, waiting: Waiting): void {
    const list = this.#waiting.get(partition);
    if (list === undefined) this.#waiting.set(partition, [waiting]);
    else list.push(waiting);
    this.#waitingCount += 1;
    this.#lastRow = waiting.row;
  }
}

const batchOf = ([base, next, count, kind, appendedAtMs, bytes]: BatchRow): StoredBatch => ({
  base,
  next,
  count,
  kind: kinds[kind]!,
  appendedAtMs,
  bytes,
});

/** Place of the first batch that ends behind the offset. */
function firstBehind(batches: readonly BatchFront[], offset: number): number {
  let low = 0;
  let high = batches.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (batches[middle]!.next <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
