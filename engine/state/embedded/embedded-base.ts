import type { TaskId } from "#broker/broker.ts";
import type { Deltas } from "#broker/embedded/deltas.ts";
import { DeltaReader, deltaOps } from "#broker/store-delta.ts";
import { StateError } from "#state/state-error.ts";
import type { BaseRow, BaseStore, CommittedDelta, StateBase } from "#state/base.ts";
import type { StoreSpec } from "#state/store.ts";
import { RestoredFolding } from "./restored-folding.ts";
import { type RestoredBehind, RestoredStore } from "./restored-store.ts";
import type { StateTables, StoreRow } from "./state-tables.ts";

/** Commits whose deltas one call of `tidy` deletes, and rows of forgotten stores. */
const tidiedCommits = 8n;
const tidiedRows = 1000;
/** Restored rows that one call moves into the table: about a millisecond. */
const movedRows = 256;

export type EmbeddedBaseParts = {
  readonly tables: StateTables;
  readonly deltas: Deltas;
  readonly stores: Readonly<Record<string, StoreSpec>>;
  readonly tellsExpired: boolean;
};

/** One task's rows and deltas in the file of the embedded log. */
export class EmbeddedBase implements StateBase {
  readonly tellsExpired: boolean;
  folded: bigint;
  forgotten: readonly string[];
  readonly #task: TaskId;
  readonly #tables: StateTables;
  readonly #deltas: Deltas;
  readonly #stores: ReadonlyMap<string, StoreRow>;
  /** What `folded` is once the transaction has succeeded. */
  #marked = 0n;
  /** Deltas up to here are deleted. */
  #dropped: bigint;
  #tail: readonly CommittedDelta[];
  #forgetting: boolean;
  readonly #behind: RestoredBehind;
  readonly #moving: RestoredFolding;

  constructor(task: TaskId, parts: EmbeddedBaseParts) {
    const { tables, deltas } = parts;
    this.tellsExpired = parts.tellsExpired;
    this.#task = task;
    this.#tables = tables;
    this.#deltas = deltas;
    this.folded = tables.foldedOf(task);
    this.#tail = tables.database.read(() => [...deltas.read(task, this.folded)]);
    this.#stores = tables.storesOf(task, parts.stores, this.#tail.at(-1)?.number ?? this.folded);
    // A crash between the commit that told of them and `markTold`.
    this.forgotten = tables.untoldOf(task).filter((store) => !this.#tail.some((delta) => delta.store === store && beginsAnew(delta)));
    this.#dropped = this.folded;
    // A crash may have left some that were folded.
    for (const { number } of deltas.read(task)) {
      if (number <= this.folded) this.#dropped = number - 1n;
      break;
    }
    this.#forgetting = tables.hasForgotten;
    this.#behind = { task, tasks: tables.restored, restored: tables.restored.of(task) };
    if (this.#behind.restored !== undefined) tables.restored.killForgotten(task, this.#behind.restored);
    this.#moving = new RestoredFolding(tables, this.#behind);
  }

  markTold(): void {
    this.transaction(() => this.#tables.markTold(this.#task));
    this.forgotten = [];
  }

  tail(): readonly CommittedDelta[] {
    const tail = this.#tail;
    this.#tail = [];
    return tail;
  }

  store(name: string): BaseStore {
    const row = this.#stores.get(name)!;
    const rows = new EmbeddedStore(this.#tables, row);
    return this.#behind.restored === undefined ? rows : new RestoredStore(rows, row.id, this.#behind);
  }

  transaction<T>(work: () => T): T {
    this.#marked = this.folded;
    const result = this.#tables.database.transaction("normal", work);
    this.folded = this.#marked;
    return result;
  }

  markFolded(number: bigint): void {
    this.#tables.markFolded(this.#task, number);
    this.#marked = number;
  }

  tidy(): boolean {
    if (this.#dropped < this.folded) {
      const to = this.#dropped + tidiedCommits < this.folded ? this.#dropped + tidiedCommits : this.folded;
      this.transaction(() => this.#deltas.dropUpTo(this.#task, to));
      this.#dropped = to;
    } else if (this.#forgetting) this.#forgetting = this.transaction(() => this.#tables.sweepForgotten(tidiedRows));
    const moving = this.#moving.fold(movedRows);
    return moving || this.#forgetting || this.#dropped < this.folded;
  }
}

function beginsAnew({ bytes, store }: CommittedDelta): boolean {
  const reader = new DeltaReader(bytes, (what) => new StateError("STATE_CORRUPT", what, { at: store }));
  return reader.next() && reader.op === deltaOps.clear;
}

class EmbeddedStore implements BaseStore {
  readonly expired: number;
  readonly since: bigint;
  readonly #tables: StateTables;
  readonly #id: number;

  constructor(tables: StateTables, row: StoreRow) {
    this.#tables = tables;
    this.#id = row.id;
    this.expired = row.expired;
    this.since = BigInt(row.since);
  }

  get empty(): boolean {
    return this.page(new Uint8Array(0), undefined, 1).length === 0;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#tables.get(this.#id, key);
  }

  page(from: Uint8Array, to: Uint8Array | undefined, limit: number): readonly BaseRow[] {
    return this.#tables.page(this.#id, { from, to, limit });
  }

  keys(from: Uint8Array, to: Uint8Array, limit: number): readonly Uint8Array[] {
    return this.#tables.keys(this.#id, { from, to, limit });
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#tables.put(this.#id, key, value);
  }

  delete(key: Uint8Array): void {
    this.#tables.delete(this.#id, key);
  }

  deleteBefore(to: Uint8Array, limit: number): number {
    return this.#tables.deleteBefore(this.#id, to, limit);
  }

  markExpired(before: number): void {
    this.#tables.markExpired(this.#id, before);
  }
}
