import { type CommittedChanges, decodeTuple, DeltaReader, deltaOps, splitTaskId } from "@millrace/engine";
import type { QueryPlan } from "#topology/plan/query-plan.ts";
import { QueryError } from "../query-error.ts";
import { rowKey, type WindowsBefore } from "./stream-request.ts";

/** An entry of a store, or a group of a ranking, whose rows may have changed. */
export type ChangedEntry = { readonly partition: number; readonly windowStart: number; readonly key: string };

/** Which rows of one query were changed by commits and have not been told: each once, in the order of their first change. */
export class ChangedRows {
  private readonly store: string;
  private readonly ranked: boolean;
  private readonly entries = new Map<string, ChangedEntry>();
  private readonly expired = new Map<number, number>();

  constructor(query: Pick<QueryPlan, "kind">, store: string) {
    this.store = store;
    this.ranked = query.kind === "top";
  }

  get size(): number {
    return this.entries.size + this.expired.size;
  }

  /** How many entries wait: those that come later stand behind them. */
  get waiting(): number {
    return this.entries.size;
  }

  /** Takes what the commit changed in the query's store; false when the store was emptied, so that nothing that was told holds any more. */
  add({ task, changes }: CommittedChanges): boolean {
    const delta = changes.find(({ store }) => store === this.store);
    if (delta === undefined) return true;
    const { partition } = splitTaskId(task);
    const reader = new DeltaReader(delta.bytes, (what) => new QueryError("QUERY_FAILED", `${task} ${this.store}: ${what}`));
    while (reader.next()) {
      if (reader.op === deltaOps.clear) return false;
      if (reader.op === deltaOps.expire) this.expired.set(partition, Math.max(reader.start, this.expired.get(partition) ?? 0));
      else {
        const key = this.ranked ? groupOf(reader.key()) : reader.key();
        this.entries.set(rowKey(partition, reader.start, key), { partition, windowStart: reader.start, key });
      }
    }
    return true;
  }

  /** The entry that has waited longest; it waits no more. */
  next(): ChangedEntry | undefined {
    for (const [name, entry] of this.entries) {
      this.entries.delete(name);
      return entry;
    }
    return undefined;
  }

  takeExpired(): readonly WindowsBefore[] {
    const expired = Array.from(this.expired, ([partition, before]) => ({ partition, before }));
    this.expired.clear();
    return expired;
  }
}

/** The keys of a ranking's store are tuples of group and member. */
const groupOf = (key: string): string => String(decodeTuple(key)[0]);
