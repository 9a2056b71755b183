import type { DatabaseSync } from "node:sqlite";

/** One card in one minute, as the hand-written loop keeps it. */
export type Total = {
  readonly key: string;
  readonly start: number;
  count: number;
  amount: bigint;
  newest: number;
  timestamp: number;
  dirty: boolean;
  /** The generation that has its newest delta. */
  generation: number;
};

export type EncodeTotal = (total: Total) => Uint8Array;

/** Deltas in one generation, as the engine's state room has it. */
const generationEntries = 128_000;
const foldPerRecord = 1.5;
const trimmedPerEntry = 4;
const runLength = 512;

/**
 * State as the engine's state room keeps it, for one store of one shape: a Map a window, one delta blob a commit, two generations of which the closed
 * one is folded into key-ordered rows a slice behind each commit, expired windows dropped. It leaves out what a general store has: reading back what
 * left memory, ranges, deletes, several stores, rollback.
 */
export class MiniState {
  readonly windows = new Map<number, Map<string, Total>>();
  private readonly db: DatabaseSync;
  private readonly encode: EncodeTotal;
  private readonly statements;
  private dirty: Total[] = [];
  private generation = 1;
  private open: Total[] = [];
  private entries = 0;
  private closed: Total[][] = [];
  private closedUpTo = 0;
  private dropped = 0;
  private expiredBefore = 0;
  private untrimmed = false;
  private buffer = Buffer.allocUnsafe(1 << 20);

  constructor(db: DatabaseSync, encode: EncodeTotal) {
    this.db = db;
    this.encode = encode;
    db.exec(`CREATE TABLE mini_deltas(number INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
      CREATE TABLE mini_rows(key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;`);
    this.statements = {
      delta: db.prepare("INSERT INTO mini_deltas VALUES (?, ?)"),
      drop: db.prepare("DELETE FROM mini_deltas WHERE number > ? AND number <= ?"),
      put: db.prepare("INSERT INTO mini_rows VALUES (?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value"),
      trim: db.prepare("DELETE FROM mini_rows WHERE key IN (SELECT key FROM mini_rows WHERE key < ? ORDER BY key LIMIT ?)"),
    };
  }

  at(start: number, key: string): Total {
    let window = this.windows.get(start);
    if (window === undefined) this.windows.set(start, (window = new Map()));
    let total = window.get(key);
    if (total === undefined) {
      total = { key, start, count: 0, amount: 0n, newest: 0, timestamp: -1, dirty: false, generation: 0 };
      window.set(key, total);
    }
    if (!total.dirty) {
      total.dirty = true;
      this.dirty.push(total);
    }
    return total;
  }

  expire(before: number): void {
    for (const start of this.windows.keys()) if (start < before) this.windows.delete(start);
    this.expiredBefore = before;
    this.untrimmed = true;
  }

  /** Within the commit's transaction: every dirty entry once. */
  write(number: number): void {
    let at = 0;
    for (const total of this.dirty) {
      const value = this.encode(total);
      at = this.reserve(at, 12 + total.key.length + value.length);
      const { buffer } = this;
      buffer[at] = total.key.length;
      buffer[at + 1] = value.length;
      buffer.writeDoubleBE(total.start, at + 2);
      at += 10 + buffer.write(total.key, at + 10, "latin1");
      buffer.set(value, at);
      at += value.length;
    }
    this.statements.delta.run(number, this.buffer.subarray(0, at));
  }

  committed(number: number): void {
    this.entries += this.dirty.length;
    for (const total of this.dirty) {
      total.dirty = false;
      if (total.generation === this.generation) continue;
      total.generation = this.generation;
      this.open.push(total);
    }
    this.dirty = [];
    if (this.entries < generationEntries || this.closed.length > 0) return;
    this.closed = ranges(this.open);
    this.closedUpTo = number;
    this.open = [];
    this.entries = 0;
    this.generation += 1;
  }

  /** A slice of the closed generation, in a transaction of its own that the next commit makes durable. */
  fold(records: number): void {
    let left = records * foldPerRecord;
    if (this.closed.length === 0 && !this.untrimmed && this.dropped === this.closedUpTo) return;
    this.db.exec("BEGIN IMMEDIATE");
    while (left > 0 && this.closed.length > 0) {
      const run = this.closed.pop()!.filter((total) => total.generation === this.generation - 1 && total.start >= this.expiredBefore);
      run.sort((a, b) => a.start - b.start || (a.key < b.key ? -1 : 1));
      for (const total of run) this.statements.put.run(rowKey(total.start, total.key), this.encode(total));
      left -= Math.max(run.length, runLength / 4);
    }
    if (this.untrimmed)
      this.untrimmed = Number(this.statements.trim.run(rowKey(this.expiredBefore, ""), records * trimmedPerEntry).changes) > 0;
    if (this.closed.length === 0 && this.dropped < this.closedUpTo) {
      const to = Math.min(this.dropped + 8, this.closedUpTo);
      this.statements.drop.run(this.dropped, to);
      this.dropped = to;
    }
    this.db.exec("COMMIT");
  }

  private reserve(at: number, more: number): number {
    if (at + more > this.buffer.length) this.buffer = Buffer.concat([this.buffer, Buffer.allocUnsafe(this.buffer.length)]);
    return at;
  }
}

/** By window and by the number in the key, which is known here: short lists in descending order of keys, to be taken from the end. */
function ranges(totals: readonly Total[]): Total[][] {
  const buckets = new Map<number, Total[]>();
  const perBucket = 16_384;
  for (const total of totals) {
    const bucket = total.start * 1024 + Math.floor(Number(total.key.slice(5)) / perBucket);
    const list = buckets.get(bucket);
    if (list === undefined) buckets.set(bucket, [total]);
    else list.push(total);
  }
  return [...buckets]
    .sort(([a], [b]) => b - a)
    .flatMap(([, list]) => {
      if (list.length <= 4 * runLength) return [list];
      list.sort((a, b) => (a.key < b.key ? 1 : -1));
      return Array.from({ length: Math.ceil(list.length / runLength) }, (_, i) => list.slice(i * runLength, (i + 1) * runLength));
    });
}

function rowKey(start: number, key: string): Buffer {
  const bytes = Buffer.allocUnsafe(8 + key.length);
  bytes.writeUInt32BE(Math.floor(start / 2 ** 32), 0);
  bytes.writeUInt32BE(start % 2 ** 32, 4);
  bytes.write(key, 8, "latin1");
  return bytes;
}
