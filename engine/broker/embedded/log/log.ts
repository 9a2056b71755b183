import type { FetchedBatch, Position } from "#broker/broker.ts";
import { BrokerError } from "#broker/broker-error.ts";
import type { EmbeddedDatabase } from "#broker/embedded/database.ts";
import { type BatchIndex, indexBatch, noRecords } from "#broker/record-batch.ts";
import { LogTail, type StoredBatch } from "./log-tail.ts";
import type { CheckedBatch } from "./offset-gaps.ts";
import { keyOf, type Partition, Partitions } from "./partitions.ts";

const schema = [
  `CREATE TABLE topics(name TEXT PRIMARY KEY, partitions INTEGER NOT NULL, retention TEXT NOT NULL, retention_ms INTEGER) WITHOUT ROWID;
   CREATE TABLE partitions(id INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL, log_start INTEGER NOT NULL, UNIQUE(topic, partition));
   CREATE TABLE batches(key INTEGER PRIMARY KEY, base INTEGER NOT NULL, next INTEGER NOT NULL, count INTEGER NOT NULL, kind INTEGER NOT NULL,
     appended_at INTEGER NOT NULL, bytes BLOB NOT NULL);`,
];

const kinds = ["records", "watermarks"] as const;

export type Bounds = { readonly maxBytes: number; readonly maxBytesPerPartition: number };

/** Where a reader stands, resolved: `from` is an offset within the partition. */
export type Cursor = { readonly partition: Partition; readonly from: number };

/** How far a transaction has written a partition. */
export type Written = { readonly partition: Partition; readonly end: number };

/**
 * The partitions' batches, one row each. Writes are made within a transaction, which ends with `written` or `rollback`; readers see them when they are
 * durable, by `publish`.
 */
export class Log {
  readonly partitions;
  readonly #insert;
  readonly #floor;
  readonly #select;
  readonly #writtenBefore = new Map<Partition, number>();
  readonly #tail;

  /** The newest batches stay in memory, up to `tailBytes` of them. */
  constructor(database: EmbeddedDatabase, tailBytes: number) {
    this.#tail = new LogTail(tailBytes);
    database.migrate("log", schema);
    const { connection } = database;
    this.partitions = new Partitions(database);
    this.#insert = connection.prepare("INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?)");
    this.#floor = connection.prepare("SELECT base, next FROM batches WHERE key >= ? AND key <= ? ORDER BY key DESC LIMIT 1");
    this.#select = connection.prepare(
      "SELECT base, next, count, kind, appended_at, bytes FROM batches WHERE key >= ? AND key < ? ORDER BY key",
    );
    this.#select.setReturnArrays(true);
  }

  /** Offset of the batch's first record. */
  write({ batch, span, gapBefore }: CheckedBatch, appendedAtMs: number): number {
    const partition = this.partitions.get(batch.topic, batch.partition);
    const base = partition.written + gapBefore;
    const next = base + span;
    this.#insert.run(keyOf(partition.id, base), base, next, batch.count, batch.kind === "records" ? 0 : 1, appendedAtMs, batch.bytes);
    if (!this.#writtenBefore.has(partition)) this.#writtenBefore.set(partition, partition.written);
    partition.written = next;
    this.#tail.add(partition, { base, next, count: batch.count, kind: batch.kind, appendedAtMs, bytes: batch.bytes });
    return base;
  }

  /** The transaction has ended well: what it wrote, to be published when it is durable. */
  written(): readonly Written[] {
    const written = Array.from(this.#writtenBefore.keys(), (partition) => ({ partition, end: partition.written }));
    this.#writtenBefore.clear();
    return written;
  }

  publish(written: readonly Written[]): void {
    for (const { partition, end } of written) partition.end = end;
  }

  rollback(): void {
    for (const [partition, written] of this.#writtenBefore) partition.written = written;
    this.#writtenBefore.clear();
    this.#tail.clear();
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
    for (const { base, next, kind, count, bytes, appendedAtMs } of this.#tail.from(partition, from) ?? this.#stored(partition, from)) {
      if (base >= end || (batches.length > 0 && bytes.length > bytesLeft)) break;
      bytesLeft -= bytes.length;
      const index = indexStored(bytes, count, () => `${topic}[${partition.partition}]@${base}`);
      batches.push({ ...place, kind, count, index, baseOffset: BigInt(base), appendedAtMs, next: BigInt(next) });
      if (bytesLeft <= 0) break;
    }
    return batches;
  }

  *#stored({ id }: Partition, from: number): IterableIterator<StoredBatch> {
    // A position may lie inside of a stored batch, which is then delivered whole.
    const floor = this.#floor.get(keyOf(id, 0), keyOf(id, from)) as { base: number; next: number } | undefined;
    const first = floor !== undefined && floor.next > from ? floor.base : from;
    for (const row of this.#select.iterate(keyOf(id, first), keyOf(id + 1, 0)) as unknown as Iterable<BatchRow>) {
      const [base, next, count, kind, appendedAtMs, bytes] = row;
      yield { base, next, count, kind: kinds[kind]!, appendedAtMs, bytes };
    }
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

type BatchRow = readonly [base: number, next: number, count: number, kind: number, appendedAtMs: number, bytes: Uint8Array];
