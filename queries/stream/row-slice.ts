import type { ReadableTask } from "@millrace/engine";
import type { QueryPlan } from "#topology/plan/query-plan.ts";
import { absolute, scanOf } from "../scan.ts";
import { readSlice, type SliceLimits } from "../slice.ts";
import { rankKey, streamRowWriter } from "./shown-rows.ts";
import { type Place, rowKey, type Slice, type SliceRequest } from "./stream-request.ts";

/** Rows from a position on, with their keys. */
export function rowSlice(query: QueryPlan, tasks: readonly ReadableTask[], request: SliceRequest, limits: SliceLimits): Slice {
  const streamTime = tasks.reduce((most, task) => Math.max(most, task.streamTime), -1);
  const from = absolute(request.from, streamTime);
  const to = absolute(request.to, streamTime);
  const write = streamRowWriter(query);
  const keys: string[] = [];
  const texts: string[] = [];
  const next = readSlice(query, tasks, {
    ...scanOf(query, request, { from, to, position: request.position }),
    limits,
    give: (row, _final, { partition, windowStart, key, rows }) => {
      const text = write(row);
      keys.push(query.kind === "top" ? rankKey(partition, key, rows) : rowKey(partition, windowStart, key));
      texts.push(text);
      return text.length;
    },
  });
  return { kind: "slice", at: placeOf(tasks), keys, texts, next, from, to };
}

export const placeOf = (tasks: readonly ReadableTask[]): Place =>
  tasks.toSorted((a, b) => a.partition - b.partition).map(({ number }) => number);
