import { storeIdOf, type ReadableTask } from "@millrace/engine";
import type { QueryPlan, QueryRow } from "#topology/plan/query-plan.ts";
import { rowGroups } from "../row-groups.ts";
import { rowWriter } from "../row-writer.ts";
import type { ChangedEntry } from "./changed-rows.ts";
import { rowKey } from "./stream-request.ts";

/** Groups of a ranking whose rows are remembered, so that only those that changed are told. */
const rememberedGroups = 10_000;

/** What a feed tells of an entry that changed: its row as it stands, or that it is gone. */
export type TellRow = (key: string, text: string | null) => void;

/** Reads the rows of changed entries of one query from committed state. */
export class ShownRows {
  private readonly query: QueryPlan;
  private readonly store: string;
  private readonly write: (row: QueryRow) => string;
  /** By group of a ranking, what was told last. */
  private readonly told = new Map<string, readonly string[]>();

  constructor(query: QueryPlan) {
    this.query = query;
    this.store = storeIdOf(query.node, query.store);
    this.write = streamRowWriter(query);
  }

  tell(task: ReadableTask, entry: ChangedEntry, tell: TellRow): void {
    const { partition, windowStart, key } = entry;
    const { query, store } = this;
    if (query.kind === "top") return this.tellGroup(task, key, tell);
    const value =
      query.kind === "window" ? task.state.window<unknown>(store).get(key, windowStart) : task.state.keyValue<unknown>(store).get(key);
    const shown = value === undefined ? null : this.write(query.rowOf({ key, value, ...(windowStart < 0 ? {} : { windowStart }) }));
    tell(rowKey(partition, windowStart, key), shown);
  }

  /** The rows of a group are ranked anew; those that are as they were are not told. */
  private tellGroup(task: ReadableTask, group: string, tell: TellRow): void {
    const { partition } = task;
    const name = `${partition}/${group}`;
    const before = this.told.get(name);
    const texts = this.groupRows(task, group).map((row) => this.write(row));
    for (const [i, text] of texts.entries()) if (text !== before?.[i]) tell(rankKey(partition, group, i + 1), text);
    // What a reader was shown before this feed began is not known here.
    const most = before?.length ?? this.query.rank!.limit;
    for (let rank = texts.length + 1; rank <= most; rank++) tell(rankKey(partition, group, rank), null);
    this.told.delete(name);
    this.told.set(name, texts);
    if (this.told.size > rememberedGroups) this.told.delete(this.told.keys().next().value!);
  }

  private groupRows(task: ReadableTask, group: string): readonly QueryRow[] {
    const bounds = { from: 0, to: Infinity, keys: undefined, position: { windowStart: -1, key: group, rows: 0 } };
    const [first] = rowGroups(this.query, [task], bounds);
    return first?.key === group ? first.rows() : [];
  }
}

export const rankKey = (partition: number, group: string, rank: number): string => rowKey(partition, -1, `${group}/${rank}`);

/** Rows as `json` shows them, without `final`: that is told for all windows of a partition at once. */
export const streamRowWriter = (query: Pick<QueryPlan, "columns">): ((row: QueryRow) => string) => {
  const write = rowWriter("json", query.columns);
  return (row) => write(row, undefined);
};
