import type { TaskId } from "#broker/broker.ts";
import type { BaseRow, BaseStore } from "#state/base.ts";
import type { RestoredTask, RestoredTasks } from "./restored-tasks.ts";

/** What a task's stores share while there are restored rows behind the table of rows. */
export type RestoredBehind = { readonly task: TaskId; readonly tasks: RestoredTasks; restored: RestoredTask | undefined };

/** A store whose rows lie in the table of rows and, where that has none, among those that a restore left. */
export class RestoredStore implements BaseStore {
  readonly expired: number;
  readonly since: bigint;
  readonly #rows: BaseStore;
  readonly #id: number;
  readonly #behind: RestoredBehind;

  constructor(rows: BaseStore, id: number, behind: RestoredBehind) {
    this.expired = rows.expired;
    this.since = rows.since;
    this.#rows = rows;
    this.#id = id;
    this.#behind = behind;
  }

  get empty(): boolean {
    return (this.#behind.restored?.rows.keys.live ?? 0) === 0 && this.#rows.empty;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#rows.get(key) ?? this.#behind.restored?.rows.get(this.#id, key);
  }

  page(from: Uint8Array, to: Uint8Array | undefined, limit: number): readonly BaseRow[] {
    const rows = this.#rows.page(from, to, limit);
    const restored = this.#behind.restored?.rows;
    if (restored === undefined) return rows;
    const behind = restored.page(this.#id, { from, to, limit });
    if (behind.length === 0) return rows;
    return merged(rows, behind, { limit, keyOf: ({ key }) => key, keyBehind: (row) => restored.keys.keyOf(row) }).map((row) =>
      typeof row === "number" ? restored.rowOf(row) : row,
    );
  }

  keys(from: Uint8Array, to: Uint8Array, limit: number): readonly Uint8Array[] {
    const keys = this.#rows.keys(from, to, limit);
    const restored = this.#behind.restored?.rows;
    if (restored === undefined) return keys;
    const behind = restored.page(this.#id, { from, to, limit });
    if (behind.length === 0) return keys;
    return merged(keys, behind, { limit, keyOf: (key) => key, keyBehind: (row) => restored.keys.keyOf(row) }).map((row) =>
      typeof row === "number" ? Buffer.from(restored.keys.keyOf(row)) : row,
    );
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#rows.put(key, value);
    // What is newer lies in the table from now on; if that is rolled back, the task still has it in memory.
    const keys = this.#behind.restored?.rows.keys;
    const row = keys?.find(this.#id, key) ?? -1;
    if (row >= 0) keys!.kill(row);
  }

  delete(key: Uint8Array): void {
    this.#rows.delete(key);
    const { restored, tasks } = this.#behind;
    if (restored !== undefined) tasks.remove(restored, this.#id, key);
  }

  deleteBefore(to: Uint8Array, limit: number): number {
    let count = this.#rows.deleteBefore(to, limit);
    const restored = this.#behind.restored?.rows;
    if (restored === undefined || count === limit) return count;
    // They may come back with the next start, and are below the expiry then too.
    for (const row of restored.page(this.#id, { from: new Uint8Array(0), to, limit: limit - count })) {
      restored.keys.kill(row);
      count += 1;
    }
    return count;
  }

  markExpired(before: number): void {
    this.#rows.markExpired(before);
  }
}

/** The least keys of two lists in order; of a key that is in both, what is in front. */
function merged<T>(
  rows: readonly T[],
  behind: readonly number[],
  {
    limit,
    keyOf,
    keyBehind,
  }: { readonly limit: number; readonly keyOf: (row: T) => Uint8Array; readonly keyBehind: (row: number) => Uint8Array },
): (T | number)[] {
  const all: (T | number)[] = [];
  for (let a = 0, b = 0; all.length < limit && (a < rows.length || b < behind.length);) {
    const order = a === rows.length ? 1 : b === behind.length ? -1 : Buffer.compare(keyOf(rows[a]!), keyBehind(behind[b]!));
    if (order === 0) b += 1;
    all.push(order <= 0 ? rows[a++]! : behind[b++]!);
  }
  return all;
}
