import type { ReadableTask } from "@millrace/engine";
import type { QueryPlan, QueryRow } from "#topology/plan/query-plan.ts";
import { type RowPosition, wholeGroup } from "./query-request.ts";
import { rowGroups, type GroupBounds } from "./row-groups.ts";

/** Bounds of what is read at one go, so that the worker's loop never stands still for long. */
export type SliceLimits = { readonly rows: number; readonly ms: number; readonly characters: number };

export const defaultSlice: SliceLimits = { rows: 2000, ms: 8, characters: 1 << 20 };

/** Groups between two looks at the clock, where a group is one entry. */
const groupsPerLook = 32;

/** A row's position, and the partition that it is of. */
export type RowPlace = RowPosition & { readonly partition: number };

export type SliceOptions = GroupBounds & {
  readonly matches: (row: QueryRow) => boolean;
  readonly limits: SliceLimits;
  readonly nowMs: () => number;
  /** Takes a row and where it stands; answers how many characters it has become. */
  readonly give: (row: QueryRow, final: boolean | undefined, at: RowPlace) => number;
};

/**
 * Gives rows from a position on until a limit is reached; answers where to go on, nothing when no row is left. A row that no longer fits
 * is looked for, so that an answer of just the rows there are is known to be whole. At least one group is read.
 */
export function readSlice(query: QueryPlan, tasks: readonly ReadableTask[], options: SliceOptions): RowPosition | undefined {
  const { position, matches, limits, nowMs, give } = options;
  const until = nowMs() + limits.ms;
  const finalOf = finality(query, tasks);
  let groups = 0;
  let given = 0;
  let characters = 0;
  let last = position;
  for (const { windowStart, key, task, rows: rowsOf } of rowGroups(query, tasks, options)) {
    const rows = rowsOf();
    const isResumed = position !== undefined && position.windowStart === windowStart && position.key === key;
    const final = finalOf(task, windowStart);
    for (let i = isResumed ? position.rows : 0; i < rows.length; i++) {
      if (!matches(rows[i]!)) continue;
      // Behind the row given last, not before the one found: what comes in between until then is not left out.
      if (given >= limits.rows || characters >= limits.characters) return last;
      given += 1;
      last = { windowStart, key, rows: i + 1 };
      characters += give(rows[i]!, final, { windowStart, key, rows: i + 1, partition: task.partition });
    }
    groups += 1;
    if ((query.kind === "top" || groups % groupsPerLook === 0) && nowMs() >= until) return { windowStart, key, rows: wholeGroup };
  }
  return undefined;
}

/** Whether no record can change a window any more: it ends at or before the time by which its task's windows close, less grace. */
function finality(query: QueryPlan, tasks: readonly ReadableTask[]): (task: ReadableTask, windowStart: number) => boolean | undefined {
  const { window } = query;
  if (window === undefined) return () => undefined;
  const closed = new Map(tasks.map((task) => [task, task.closingTimeOf(query.node) - window.graceMs]));
  return (task, windowStart) => windowStart + window.sizeMs <= closed.get(task)!;
}
