import type { QueryPlan } from "#topology/plan/query-plan.ts";

export const windowStartColumn = "window_start";

/** Rows that stand for windows can be bounded by time. */
export const isWindowed = ({ columns }: Pick<QueryPlan, "columns">): boolean =>
  columns.some(({ name, type }) => name === windowStartColumn && type === "timestamp");
