import type { QueryPlan } from "#topology/plan/query-plan.ts";

/** A query as the compiler plans it; for windows also how long late records still change one, and how long one stays to be asked for. */
export type AskablePlan = QueryPlan & { readonly graceMs?: number | undefined; readonly retainMs?: number | undefined };

export const windowStartColumn = "window_start";

/** Rows that stand for windows can be bounded by time. */
export const isWindowed = ({ columns }: Pick<QueryPlan, "columns">): boolean =>
  columns.some(({ name, type }) => name === windowStartColumn && type === "timestamp");
