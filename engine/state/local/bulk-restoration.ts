import { type ChangelogBatch, readEntry } from "#broker/kafka/changelog/changelog-entry.ts";
import type { LocalCheckpoint, Restoration } from "#broker/kafka/changelog/local-copy.ts";
import { keyOf, valueOf } from "#broker/record-batch.ts";
import type { RestoredTask } from "#state/embedded/restored-tasks.ts";
import { KeyPrefix } from "./key-prefix.ts";
import { moveRestored } from "./move-restored.ts";
import { type RestorationParts, RowsRestoration } from "./restorations.ts";

/** Bytes that are read again, at most, when a restore is killed. */
const keptBytes = 8 << 20;

/**
 * A task of which nothing is here: what comes is written as it was fetched, and keys with the place of their newest value are kept in memory; a few
 * rows a commit go into the table of rows afterwards. Writing rows one by one takes ten times as long. Where too many keys are in memory, they go into the table at
 * once, and so does what follows.
 */
export class BulkRestoration implements Restoration {
  last: Restoration["last"];
  readonly #parts: RestorationParts;
  readonly #mostRows: number;
  /** When reading began: deletes behind what was read first may be gone from the changelog by the end. */
  readonly #begunAtMs: number;
  #restored: RestoredTask | undefined;
  #next: bigint;
  readonly #expected: number;
  #unkept = 0;
  /** Kind and store of the row that came last, as keys begin with them. */
  #prefix = new KeyPrefix(new Uint8Array(0));
  #store = -1;
  readonly #expiries = new Map<string, number>();
  #further: RowsRestoration | undefined;

  constructor(
    parts: RestorationParts,
    { before, behind, mostRows }: { readonly before: LocalCheckpoint | undefined; readonly behind: bigint; readonly mostRows: number },
  ) {
    this.#parts = parts;
    this.#next = before?.next ?? 0n;
    this.#begunAtMs = before?.writtenAtMs ?? parts.atMs;
    this.#mostRows = mostRows;
    this.#expected = Math.min(Number(behind), mostRows);
    this.#restored = parts.tables.restored.of(parts.task);
  }

  async apply(batches: readonly ChangelogBatch[], next: bigint): Promise<void> {
    if (this.#further === undefined) await this.#take(batches, next);
    else {
      this.#further.apply(batches, next);
      this.last = this.#further.last ?? this.last;
    }
  }

  cutOff(): void {
    if (this.#further === undefined && this.#unkept > 0) this.#checkpoint();
  }

  finish(next: bigint): void {
    const { task, changelog, atMs, database, tables, local } = this.#parts;
    const { number, meta } = this.last!;
    database.transaction("normal", () => {
      if (this.#further === undefined) this.#keep();
      tables.markFolded(task, number);
      local.write(task, { number, meta, next, changelog, whole: true, writtenAtMs: atMs });
    });
    if (this.#restored !== undefined) tables.restored.sync(this.#restored);
  }

  async #take(batches: readonly ChangelogBatch[], next: bigint): Promise<void> {
    const { database, tables, task } = this.#parts;
    const restored = (this.#restored ??= database.transaction("normal", () => tables.restored.begin(task, this.#expected)));
    let start = restored.rows.append(batches.map(({ index }) => index.bytes));
    for (const batch of batches) {
      this.#index(restored, batch, start);
      start += batch.index.bytes.length;
      this.#unkept += batch.index.bytes.length;
    }
    this.#next = next;
    if (this.#unkept >= keptBytes) this.#checkpoint();
    if (tables.restored.rowsInMemory > this.#mostRows) await this.#spill();
  }

  #index({ rows: { keys } }: RestoredTask, batch: ChangelogBatch, valueBase: number): void {
    const { index } = batch;
    const { count, keyStarts, keyLengths } = index;
    for (let i = 0; i < count;) {
      const first = i;
      i = this.#prefix.endOfRun(index, first);
      const lead = this.#prefix.length;
      if (i > first) keys.putRun(this.#store, index, { first, end: i, lead, valueBase });
      else if (this.#prefix.isOf(index, i)) {
        const row = keys.find(this.#store, index.bytes, keyStarts[i]! + lead, keyLengths[i]! - lead);
        if (row >= 0) keys.remove(row);
        i += 1;
      } else if (!this.#isRow(batch, i)) i += 1;
    }
  }

  /** Takes what is no row, or the first one of another store; true for a row. */
  #isRow({ index, at }: ChangelogBatch, i: number): boolean {
    const { task, database, tables } = this.#parts;
    const key = keyOf(index, i);
    const entry = readEntry(key, valueOf(index, i), () => at(i));
    switch (entry?.kind) {
      case "row": {
        const { store, storeKind: kind, rowKey } = entry;
        this.#store = database.transaction("normal", () => tables.storeRow(task, store, { kind, since: 0n })).id;
        this.#prefix = new KeyPrefix(key!.subarray(0, key!.length - rowKey.length));
        return true;
      }
      case "clear":
        this.#prefix = new KeyPrefix(new Uint8Array(0));
        this.#expiries.delete(entry.store);
        database.transaction("normal", () => tables.dropStore(task, entry.store));
        tables.restored.killForgotten(task, this.#restored!);
        return false;
      case "expiry":
        this.#expiries.set(entry.store, entry.before);
        return false;
      case "meta":
        this.last = { number: entry.number, meta: Buffer.from(entry.meta) };
        return false;
      case undefined:
        return false;
    }
  }

  #checkpoint(): LocalCheckpoint {
    const { task, changelog, database, local } = this.#parts;
    const half = { number: 0n, meta: new Uint8Array(0), next: this.#next, changelog, whole: false, writtenAtMs: this.#begunAtMs };
    database.transaction("normal", () => {
      this.#keep();
      local.write(task, half);
    });
    return half;
  }

  #keep(): void {
    const { task, tables } = this.#parts;
    if (this.#restored !== undefined) tables.restored.keep(this.#restored);
    for (const [store, before] of this.#expiries)
      tables.raiseExpired(tables.storeRow(task, store, { kind: "window", since: 0n }).id, before);
    this.#unkept = 0;
  }

  async #spill(): Promise<void> {
    const half = this.#checkpoint();
    await moveRestored(this.#parts.tables, this.#parts.task);
    this.#restored = undefined;
    this.#further = new RowsRestoration(this.#parts, half);
  }
}
