import { performance } from "node:perf_hooks";
import type { QueryPlan } from "#topology/plan/query-plan.ts";
import { directKeys } from "./direct-keys.ts";
import type { QueryRequest, RowPosition, TimeBound } from "./query-request.ts";
import { rowFilter } from "./row-filter.ts";
import type { SliceOptions } from "./slice.ts";

type Scan = { readonly from: TimeBound | undefined; readonly to: TimeBound | undefined; readonly position: RowPosition | undefined };

/** What a question reads of its store; `from` and `to` are absolute by now. */
export function scanOf(
  query: QueryPlan,
  { filters }: Pick<QueryRequest, "filters">,
  { from, to, position }: Scan,
): Omit<SliceOptions, "limits" | "give"> {
  return {
    from: Math.max(0, from?.ms ?? 0),
    to: to?.ms ?? Number.MAX_SAFE_INTEGER,
    position,
    keys: directKeys(query, filters),
    matches: rowFilter({ filters, from: from?.ms, to: to?.ms }),
    nowMs: () => performance.now(),
  };
}

/** A bound before the newest event time as the time that it is. */
export const absolute = (bound: TimeBound | undefined, streamTime: number): TimeBound | undefined =>
  bound?.kind === "back" ? { kind: "at", ms: Math.max(0, streamTime) - bound.ms } : bound;
