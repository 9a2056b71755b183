import type { TaskId } from "#broker/broker.ts";
import type { EmbeddedDatabase } from "#broker/embedded/database.ts";
import type { Deltas } from "#broker/embedded/deltas.ts";
import { type ChangelogBatch, type ChangelogEntry, readEntries } from "#broker/kafka/changelog/changelog-entry.ts";
import type { LocalCheckpoint, Restoration } from "#broker/kafka/changelog/local-copy.ts";
import { DeltaReader, deltaOps, DeltaWriter, type StoreKind } from "#broker/store-delta.ts";
import type { RestoredTask } from "#state/embedded/restored-tasks.ts";
import type { StateTables, StoreRow } from "#state/embedded/state-tables.ts";
import { StateError } from "#state/state-error.ts";
import type { LocalTables } from "./local-tables.ts";

export type RestorationParts = {
  readonly task: TaskId;
  readonly changelog: string;
  readonly atMs: number;
  readonly database: EmbeddedDatabase;
  readonly deltas: Deltas;
  readonly tables: StateTables;
  readonly local: LocalTables;
};

type Row = { readonly rowKey: Uint8Array; readonly value: Uint8Array | null };
type StoreChanges = { readonly kind: StoreKind; readonly rows: Map<string, Row>; expired: number };

/**
 * A task that is a little behind: what comes is gathered, each key once, and becomes one more delta of its tail, so that nothing that is here
 * is touched. Lost when it is cut off.
 */
export class TailRestoration implements Restoration {
  last: Restoration["last"];
  private readonly parts: RestorationParts;
  private readonly stores = new Map<string, StoreChanges>();
  private readonly cleared = new Set<string>();

  constructor(parts: RestorationParts) {
    this.parts = parts;
  }

  apply(batches: readonly ChangelogBatch[]): void {
    for (const entry of readEntries(batches)) {
      if (entry.kind === "meta") {
        this.last = { number: entry.number, meta: Buffer.from(entry.meta) };
        continue;
      }
      if (entry.kind === "clear") {
        this.cleared.add(entry.store);
        this.stores.delete(entry.store);
        continue;
      }
      const kind = entry.kind === "row" ? entry.storeKind : "window";
      let store = this.stores.get(entry.store);
      if (store === undefined) this.stores.set(entry.store, (store = { kind, rows: new Map(), expired: -1 }));
      if (entry.kind === "expiry") store.expired = Math.max(store.expired, entry.before);
      else {
        const rowKey = Buffer.from(entry.rowKey);
        // Latin-1 keeps bytes apart as they are.
        store.rows.set(rowKey.toString("latin1"), { rowKey, value: entry.value === null ? null : Buffer.from(entry.value) });
      }
    }
  }

  /** It is little. */
  cutOff(): void {}

  finish(next: bigint): void {
    const { task, changelog, atMs, database, deltas, tables, local } = this.parts;
    const { number, meta } = this.last!;
    const writer = new DeltaWriter();
    const changes = [...this.stores].map(([store, { kind, rows, expired }]) => {
      writer.begin(kind);
      if (expired >= 0) writer.expire(expired);
      for (const { rowKey, value } of rows.values()) writer.row(rowKey, value);
      return { store, bytes: writer.take() };
    });
    database.transaction("normal", () => {
      for (const store of this.cleared) tables.dropStore(task, store);
      // A store that is made when the task is opened takes no delta from before; one that is made here takes no other.
      for (const [store, { kind }] of this.stores) tables.storeRow(task, store, { kind, since: number - 1n });
      deltas.write(task, number, changes);
      local.write(task, { number, meta, next, changelog, whole: true, writtenAtMs: atMs });
    });
  }
}

/** A task that is far behind: what is here is folded first, then what comes is written into the rows as it comes, and kept when it is cut off. */
export class RowsRestoration implements Restoration {
  last: Restoration["last"];
  private readonly parts: RestorationParts;
  private readonly rows = new Map<string, StoreRow>();
  private started: boolean;
  /** What an earlier restore left behind the table of rows. */
  private readonly restored: RestoredTask | undefined;
  /** What stands there until the end: no later time either, since deletes behind what was read first may be gone from the changelog by then. */
  private readonly base: Pick<LocalCheckpoint, "number" | "meta" | "writtenAtMs">;

  constructor(parts: RestorationParts, before: LocalCheckpoint | undefined) {
    this.parts = parts;
    this.started = before !== undefined && !before.whole;
    const { number, meta, writtenAtMs } = before ?? { number: 0n, meta: new Uint8Array(0), writtenAtMs: parts.atMs };
    this.base = { number, meta, writtenAtMs };
    this.restored = parts.tables.restored.of(parts.task);
  }

  apply(batches: readonly ChangelogBatch[], next: bigint): void {
    const { task, changelog, database, local } = this.parts;
    database.transaction("normal", () => {
      this.start();
      for (const entry of readEntries(batches)) this.write(entry);
      local.write(task, { ...this.base, next, changelog, whole: false });
    });
  }

  /** It is kept as it comes. */
  cutOff(): void {}

  finish(next: bigint): void {
    const { task, changelog, atMs, database, tables, local } = this.parts;
    const { number, meta } = this.last!;
    database.transaction("normal", () => {
      this.start();
      tables.markFolded(task, number);
      local.write(task, { number, meta, next, changelog, whole: true, writtenAtMs: atMs });
    });
  }

  /** The tail is older than what comes, and rows are read behind it: it goes into the rows. */
  private start(): void {
    if (this.started) return;
    this.started = true;
    const { task, deltas, tables } = this.parts;
    const folded = tables.foldedOf(task);
    let last = folded;
    const tail = Array.from(deltas.read(task, folded));
    const begun = new Map(tail.map(({ store }) => [store, tables.findStore(task, store)?.since]));
    for (const { number, store, bytes } of tail) {
      const reader = new DeltaReader(bytes, (what) => new StateError("STATE_CORRUPT", what, { at: `${task} ${store} commit ${number}` }));
      last = number;
      // Of a store that was forgotten, or declared again since.
      const since = begun.get(store);
      if (since === undefined || BigInt(since) >= number) continue;
      while (reader.next()) {
        if (reader.op === deltaOps.clear) this.clear(store);
        else if (reader.op === deltaOps.expire) this.expire(store, reader.start);
        else this.put(store, reader.kind, { rowKey: reader.rowKey(), value: reader.op === deltaOps.put ? reader.value() : null });
      }
    }
    deltas.dropUpTo(task, last);
    tables.markFolded(task, last);
  }

  private write(entry: ChangelogEntry): void {
    if (entry.kind === "row") this.put(entry.store, entry.storeKind, entry);
    else if (entry.kind === "expiry") this.expire(entry.store, entry.before);
    else if (entry.kind === "clear") this.clear(entry.store);
    else this.last = { number: entry.number, meta: Buffer.from(entry.meta) };
  }

  private put(store: string, kind: StoreKind, { rowKey, value }: Row): void {
    const { tables } = this.parts;
    const { id } = this.storeRow(store, kind);
    if (value !== null) tables.put(id, rowKey, value);
    else {
      tables.delete(id, rowKey);
      if (this.restored !== undefined) tables.restored.remove(this.restored, id, rowKey);
    }
  }

  /** Rows of expired windows go behind the opening of the task, a few a commit. */
  private expire(store: string, before: number): void {
    this.parts.tables.raiseExpired(this.storeRow(store, "window").id, before);
  }

  private clear(store: string): void {
    this.parts.tables.dropStore(this.parts.task, store);
    this.rows.delete(store);
  }

  private storeRow(store: string, kind: StoreKind): StoreRow {
    let row = this.rows.get(store);
    if (row === undefined) this.rows.set(store, (row = this.parts.tables.storeRow(this.parts.task, store, { kind, since: 0n })));
    return row;
  }
}
