import type { RestoredBehind } from "./restored-store.ts";
import type { Folded, RestoredTask } from "./restored-tasks.ts";
import type { StateTables } from "./state-tables.ts";

/** Rows that are split by ranges for one that may be written: a split costs a tenth. */
const splitPerRow = 8;
const nothing = new Uint8Array(0);

/** Moves restored rows into the table of rows, in key order, a few at a time; what the table has is newer and stays. */
export class RestoredFolding {
  readonly #tables: StateTables;
  readonly #behind: RestoredBehind;
  #steps: Generator<number, void> | undefined;
  /** Not written yet, because a transaction failed. */
  #waiting: number[] = [];

  constructor(tables: StateTables, behind: RestoredBehind) {
    this.#tables = tables;
    this.#behind = behind;
  }

  /** Moves about `rows` rows in a transaction of its own; true when there are more. */
  fold(rows: number): boolean {
    const { restored } = this.#behind;
    if (restored === undefined) return false;
    if (!restored.rows.prepareOrder(rows * splitPerRow)) return true;
    const slice = this.#gather(restored, rows);
    try {
      this.#tables.database.transaction("normal", () => this.#write(restored, slice));
    } catch (error) {
      this.#waiting = slice;
      throw error;
    }
    const last = slice.at(-1);
    if (last !== undefined) restored.folded = placeOf(restored, last);
    for (const row of slice) restored.rows.keys.kill(row);
    if (last !== undefined) return true;
    this.#behind.restored = undefined;
    this.#tables.restored.sweep();
    return false;
  }

  #gather(restored: RestoredTask, rows: number): number[] {
    const slice = this.#waiting.filter((row) => restored.rows.keys.isLive(row));
    this.#waiting = [];
    this.#steps ??= restored.rows.from(-1, nothing);
    while (slice.length < rows) {
      const step = this.#steps.next();
      if (step.done === true) break;
      slice.push(step.value);
    }
    return slice;
  }

  #write(restored: RestoredTask, slice: readonly number[]): void {
    const { rows } = restored;
    for (const row of slice) this.#tables.putIfAbsent(rows.keys.stores[row]!, rows.keys.keyOf(row), rows.valueOf(row));
    const last = slice.at(-1);
    if (last === undefined) this.#tables.restored.drop(this.#behind.task);
    else this.#tables.restored.markFolded(restored, placeOf(restored, last));
  }
}

const placeOf = ({ rows: { keys } }: RestoredTask, row: number): Folded => ({
  store: keys.stores[row]!,
  key: Buffer.from(keys.keyOf(row)),
});
