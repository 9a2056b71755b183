import type { ReadableTask } from "@millrace/engine";
import { entriesOf, type EntryBounds } from "./entries.ts";
import type { QueryPlan, Row } from "./query-plan.ts";
import type { RowPosition } from "./query-request.ts";

/** Bounds of what is read at one go, so that the worker's loop never stands still for long. */
export type SliceLimits = { readonly rows: number; readonly ms: number; readonly characters: number };

export const defaultSlice: SliceLimits = { rows: 2000, ms: 8, characters: 1 << 20 };

/** Entries between two looks at the clock. */
const entriesPerLook = 32;
/** All rows of an entry were given. */
const wholeEntry = Number.MAX_SAFE_INTEGER;

export type SliceOptions = EntryBounds & {
  readonly matches: (row: Row) => boolean;
  readonly limits: SliceLimits;
  readonly nowMs: () => number;
  /** Takes a row; answers how many characters it has become. */
  readonly give: (row: Row, final: boolean | undefined) => number;
};

/**
 * Gives rows from a position on until a limit is reached; answers where to go on, nothing when no row is left. A row that no longer fits
 * is looked for, so that an answer of just the rows there are is known to be whole. At least one row is given, if there is one.
 */
export function readSlice(query: QueryPlan, tasks: readonly ReadableTask[], options: SliceOptions): RowPosition | undefined {
  const { position, matches, limits, nowMs, give } = options;
  const until = nowMs() + limits.ms;
  const closed = closedBefore(query, tasks);
  let entries = 0;
  let given = 0;
  let characters = 0;
  for (const { windowStart, key, value, task } of entriesOf(query, tasks, options)) {
    const rows = query.rowsOf(key, value, windowStart);
    const isResumed = position !== undefined && position.windowStart === windowStart && position.key === key;
    const final = query.window === undefined ? undefined : windowStart + query.window.sizeMs <= closed.get(task)!;
    for (let i = isResumed ? position.rows : 0; i < rows.length; i++) {
      if (!matches(rows[i]!)) continue;
      if (given >= limits.rows || characters >= limits.characters) return { windowStart, key, rows: i };
      given += 1;
      characters += give(rows[i]!, final);
    }
    entries += 1;
    if (entries % entriesPerLook === 0 && nowMs() >= until) return { windowStart, key, rows: wholeEntry };
  }
  return undefined;
}

/** Until when each task's windows are closed: no record can change a window that ends at or before. */
function closedBefore(query: QueryPlan, tasks: readonly ReadableTask[]): ReadonlyMap<ReadableTask, number> {
  const graceMs = query.window?.graceMs ?? 0;
  return new Map(tasks.map((task) => [task, task.closingTimeOf(query.node) - graceMs]));
}
