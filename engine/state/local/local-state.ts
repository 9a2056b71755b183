import type { TaskId } from "#broker/broker.ts";
import type { EmbeddedDatabase } from "#broker/embedded/database.ts";
import { Deltas } from "#broker/embedded/deltas.ts";
import type { LocalCheckpoint, LocalCommit, LocalCopy, Restoration } from "#broker/kafka/changelog/local-copy.ts";
import { StateTables } from "#state/embedded/state-tables.ts";
import { LocalTables } from "./local-tables.ts";
import { BulkRestoration } from "./bulk-restoration.ts";
import { RowsRestoration, TailRestoration } from "./restorations.ts";

export type RestoreBounds = {
  /** Up to so many records, a restore gathers what comes and leaves what is here as it is. */
  readonly tailRecords: number;
  /** Keys of restored rows that may be in memory, of all tasks: some 45 bytes each and their own. */
  readonly mostRows: number;
};
const defaultBounds: RestoreBounds = { tailRecords: 50_000, mostRows: 4_000_000 };

/** The local copy of a worker's state in one file, where `embeddedStateStorage` opens it. */
export class LocalState implements LocalCopy {
  readonly #database;
  readonly #deltas;
  readonly #tables;
  readonly #local;

  readonly #bounds: RestoreBounds;

  constructor(database: EmbeddedDatabase, bounds: Partial<RestoreBounds> = {}) {
    this.#database = database;
    this.#deltas = new Deltas(database);
    this.#tables = new StateTables(database);
    this.#local = new LocalTables(database);
    this.#bounds = { ...defaultBounds, ...bounds };
    for (const task of this.#tables.restored.torn()) this.forget(task);
  }

  read(task: TaskId): LocalCheckpoint | undefined {
    return this.#local.read(task);
  }

  hasUntold(task: TaskId): boolean {
    return this.#tables.untoldOf(task).length > 0;
  }

  tasks(): readonly TaskId[] {
    return this.#local.tasks();
  }

  write(commits: readonly LocalCommit[]): void {
    if (commits.length === 0) return;
    this.#database.transaction("normal", () => {
      for (const { commit, next, changelog, atMs } of commits) {
        const { task, number, meta, changes } = commit;
        this.#deltas.write(task, number, changes);
        this.#local.write(task, { number, meta, next, changelog, whole: true, writtenAtMs: atMs });
      }
    });
  }

  restore(task: TaskId, { id, behind, atMs }: { readonly id: string; readonly behind: bigint; readonly atMs: number }): Restoration {
    const parts = {
      task,
      changelog: id,
      atMs,
      database: this.#database,
      deltas: this.#deltas,
      tables: this.#tables,
      local: this.#local,
    };
    const { restored } = this.#tables;
    const before = this.read(task);
    if (before?.whole !== false && behind <= this.#bounds.tailRecords) return new TailRestoration(parts);
    const begun = restored.of(task);
    const isBulk =
      before === undefined ? restored.folder !== undefined : !before.whole && begun !== undefined && begun.folded === undefined;
    if (isBulk) return new BulkRestoration(parts, { before, behind, mostRows: this.#bounds.mostRows });
    return new RowsRestoration(parts, before);
  }

  forget(task: TaskId): void {
    this.#database.transaction("normal", () => {
      this.#tables.forgetTask(task);
      this.#deltas.dropUpTo(task, maxNumber);
      this.#local.delete(task);
    });
    this.#tables.restored.sweep();
  }
}

const maxNumber = 2n ** 63n - 1n;
