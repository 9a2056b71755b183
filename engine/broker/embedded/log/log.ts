import type { FetchedBatch, Position } from "#broker/broker.ts";
import { BrokerError } from "#broker/broker-error.ts";
import type { EmbeddedDatabase } from "#broker/embedded/database.ts";
import { type BatchIndex, indexBatch, noRecords } from "#broker/record-batch.ts";
import { BatchTable, batchTablesSchema, moveBatches } from "./batch-table.ts";
import { LogTail } from "./log-tail.ts";
import type { CheckedBatch } from "./offset-gaps.ts";
import { type Partition, Partitions } from "./partitions.ts";

const schema = [
  `CREATE TABLE topics(name TEXT PRIMARY KEY, partitions INTEGER NOT NULL, retention TEXT NOT NULL, retention_ms INTEGER) WITHOUT ROWID;
   CREATE TABLE partitions(id INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL, log_start INTEGER NOT NULL, UNIQUE(topic, partition));
   CREATE TABLE batches(key INTEGER PRIMARY KEY, base INTEGER NOT NULL, next INTEGER NOT NULL, count INTEGER NOT NULL, kind INTEGER NOT NULL,
     appended_at INTEGER NOT NULL, bytes BLOB NOT NULL);`,
  batchTablesSchema + moveBatches,
];

export type Bounds = { readonly maxBytes: number; readonly maxBytesPerPartition: number };

/** Where a reader stands, resolved: `from` is an offset within the partition. */
export type Cursor = { readonly partition: Partition; readonly from: number };

/** How far a transaction has written a partition. */
export type Written = { readonly partition: Partition; readonly end: number };

/**
 * The partitions' batches. Writes are made within a transaction, which ends with `written` or `rollback`; readers see them when they are
 * durable, by `publish`.
 */
export class Log {
  readonly partitions;
  readonly #kept;
  readonly #passing;
  readonly #writtenBefore = new Map<Partition, number>();
  readonly #tail;

  /** The newest batches stay in memory, up to `tailBytes` of them. */
  constructor(database: EmbeddedDatabase, tailBytes: number) {
    this.#tail = new LogTail(tailBytes);
    database.migrate("log", schema);
    this.#kept = new BatchTable(database, "kept");
    this.#passing = new BatchTable(database, "passing");
    this.partitions = new Partitions(database, (partition) => this.tableOf(partition).endOf(partition.id));
  }

  tableOf({ retention }: Pick<Partition, "retention">): BatchTable {
    return retention.kind === "consumed" ? this.#passing : this.#kept;
  }

  /** Offset of the batch's first record. */
  write({ batch, span, gapBefore }: CheckedBatch, appendedAtMs: number): number {
    const partition = this.partitions.get(batch.topic, batch.partition);
    const base = partition.written + gapBefore;
    const next = base + span;
    const stored = { base, next, count: batch.count, kind: batch.kind, appendedAtMs, bytes: batch.bytes };
    this.tableOf(partition).add(partition.id, stored);
    if (!this.#writtenBefore.has(partition)) this.#writtenBefore.set(partition, partition.written);
    partition.written = next;
    this.#tail.add(partition, stored);
    return base;
  }

  /** The transaction has ended well: what it wrote, to be published when it is durable. */
  written(): readonly Written[] {
    const written = Array.from(this.#writtenBefore.keys(), (partition) => ({ partition, end: partition.written }));
    this.#writtenBefore.clear();
    for (const table of [this.#kept, this.#passing]) table.written();
    return written;
  }

  publish(written: readonly Written[]): void {
    for (const { partition, end } of written) partition.end = end;
  }

  rollback(): void {
    for (const [partition, written] of this.#writtenBefore) partition.written = written;
    this.#writtenBefore.clear();
    this.#tail.clear();
    for (const table of [this.#kept, this.#passing]) table.rollback();
  }

  /** Writes where batches lie, where enough of them wait for that. @throws {BrokerError} as `transaction` does; nothing is lost by it */
  placeWaiting(): void {
    for (const table of [this.#kept, this.#passing]) if (table.placeIsDue) table.place();
  }

  /** @throws {BrokerError} `BROKER_OFFSET_OUT_OF_RANGE`, `BROKER_UNKNOWN_TOPIC` */
  cursorAt({ topic, partition, offset }: Position): Cursor {
    const found = this.partitions.get(topic, partition);
    if (offset === -1n) return { partition: found, from: found.logStart };
    if (offset < found.logStart || offset > found.end) {
      throw new BrokerError("BROKER_OFFSET_OUT_OF_RANGE", `the partition holds offsets from ${found.logStart} up to ${found.end}`, {
        at: `${topic}[${partition}]@${offset}`,
      });
    }
    return { partition: found, from: Number(offset) };
  }

  /** Batches from the cursor on: one at least, if there is any, then as many as `maxBytes` holds. */
  read({ partition, from }: Cursor, maxBytes: number): FetchedBatch[] {
    const { topic, end, logStart } = partition;
    if (from >= end) return [];
    const place = { topic, partition: partition.partition, end: BigInt(end), logStart: BigInt(logStart) };
    const batches: FetchedBatch[] = [];
    let bytesLeft = maxBytes;
    for (const { base, next, kind, count, bytes, appendedAtMs } of this.#tail.from(partition, from) ??
      this.tableOf(partition).from(partition.id, from)) {
      if (base >= end || (batches.length > 0 && bytes.length > bytesLeft)) break;
      bytesLeft -= bytes.length;
      const index = indexStored(bytes, count, () => `${topic}[${partition.partition}]@${base}`);
      batches.push({ ...place, kind, count, index, baseOffset: BigInt(base), appendedAtMs, next: BigInt(next) });
      if (bytesLeft <= 0) break;
    }
    return batches;
  }

  /** The news that there is nothing, or no room, for a cursor. */
  none({ partition, from }: Cursor): FetchedBatch {
    const at = BigInt(from);
    const place = { topic: partition.topic, partition: partition.partition };
    const bounds = { end: BigInt(partition.end), logStart: BigInt(partition.logStart) };
    return { ...place, kind: "records", count: 0, index: noRecords, baseOffset: at, appendedAtMs: 0, next: at, ...bounds };
  }
}

/** @throws {BrokerError} `BROKER_CORRUPT` */
function indexStored(frame: Uint8Array, count: number, where: () => string): BatchIndex {
  try {
    return indexBatch(frame, count);
  } catch (cause) {
    throw new BrokerError("BROKER_CORRUPT", "the stored batch is no frame of its records", { at: where(), cause });
  }
}
