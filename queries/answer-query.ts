import { type Plan, type Position, type ReadableTask, type Worker } from "@millrace/engine";
import type { QueryPlan } from "#topology/plan/query-plan.ts";
import { asOfTasks } from "./as-of.ts";
import { HighestRows } from "./highest-rows.ts";
import type { Answer, QueryAnswerer, QueryRequest, RowPosition } from "./query-request.ts";
import { rowWriter } from "./row-writer.ts";
import { absolute, scanOf } from "./scan.ts";
import { defaultSlice, readSlice, type SliceLimits } from "./slice.ts";
import { type NotYet, taskReader, type Unavailable } from "./task-reader.ts";

export type AnswererOptions = {
  readonly worker: Pick<Worker, "readAfter">;
  readonly plan: Plan;
  readonly queries: readonly QueryPlan[];
  readonly slice?: Partial<SliceLimits>;
};

/** Answers queries on the engine's own thread, from committed state, a slice at a time. Keeps nothing between two slices. */
export function createAnswerer({ worker, plan, queries, slice }: AnswererOptions): QueryAnswerer {
  const byName = new Map(queries.map((query) => [query.name, query]));
  const partitionsOf = new Map(plan.topics.map(({ name, partitions }) => [name, partitions]));
  const limits: SliceLimits = { ...defaultSlice, ...slice };

  const onStores = taskReader(worker, plan);

  return {
    async answer(request, signal) {
      const query = byName.get(request.query);
      if (query === undefined) return { kind: "unavailable", detail: `the engine has no query "${request.query}"` };
      const bad = request.after.find(({ topic, partition }) => partition >= (partitionsOf.get(topic) ?? Infinity));
      if (bad !== undefined) return { kind: "bad-token", detail: noSuchPartition(bad, partitionsOf.get(bad.topic)!) };
      const until = request.after.length === 0 ? undefined : { positions: request.after, waitMs: request.waitMs };
      return request.order === undefined
        ? onStores(query, signal, (tasks) => oneSlice(query, tasks, { request, limits }), until)
        : wholeOrdered(query, request, { limits, onStores: (read, first) => onStores(query, signal, read, first ? until : undefined) });
    },
  };
}

function oneSlice(
  query: QueryPlan,
  tasks: readonly ReadableTask[],
  { request, limits }: { request: QueryRequest; limits: SliceLimits },
): Answer {
  const asOf = asOfTasks(tasks);
  const from = absolute(request.from, asOf.streamTime);
  const to = absolute(request.to, asOf.streamTime);
  const write = rowWriter(request.format, query.columns);
  const texts: string[] = [];
  const next = readSlice(query, tasks, {
    ...scanOf(query, request, { from, to, position: request.position }),
    limits: { ...limits, rows: Math.min(limits.rows, request.limit) },
    give: (row, final) => {
      const text = write(row, final);
      texts.push(text);
      return text.length;
    },
  });
  return { kind: "rows", asOf, bytes: joined(texts, request), rows: texts.length, next, from, to };
}

/** The first `limit` rows by a column: all rows are seen, slice by slice, and only the best kept. */
async function wholeOrdered(
  query: QueryPlan,
  request: QueryRequest,
  {
    limits,
    onStores,
  }: {
    readonly limits: SliceLimits;
    readonly onStores: <T>(read: (tasks: readonly ReadableTask[]) => T, isFirst: boolean) => Promise<T | Unavailable | NotYet>;
  },
): Promise<Answer> {
  const write = rowWriter(request.format, query.columns);
  const best = new HighestRows(query.columns, request.order!, request.limit);
  let bounds = { from: request.from, to: request.to };
  let position: RowPosition | undefined;
  while (true) {
    const at = position;
    const { from, to } = bounds;
    // It may be run again: what it has read is only counted once it is told.
    const read = await onStores((tasks) => {
      const asOf = asOfTasks(tasks);
      const absoluteBounds = { from: absolute(from, asOf.streamTime), to: absolute(to, asOf.streamTime) };
      const rows: Parameters<HighestRows["add"]>[] = [];
      const next = readSlice(query, tasks, {
        ...scanOf(query, request, { ...absoluteBounds, position: at }),
        limits: { ...limits, characters: Infinity },
        give: (...row) => {
          rows.push(row);
          return 0;
        },
      });
      return { kind: "read" as const, asOf, next, bounds: absoluteBounds, rows };
    }, at === undefined);
    if (read.kind !== "read") return read;
    for (const row of read.rows) best.add(...row);
    ({ bounds, next: position } = read);
    if (position !== undefined) continue;
    const texts = best.sorted().map(({ row, final }) => write(row, final));
    return { kind: "rows", asOf: read.asOf, bytes: joined(texts, request), rows: texts.length, next: undefined, ...bounds };
  }
}

function joined(texts: readonly string[], { format }: QueryRequest): Uint8Array<ArrayBuffer> {
  // Of its own buffer, so that it can be handed to another thread.
  return new TextEncoder().encode(texts.join(format === "json" ? ",\n" : ""));
}

const noSuchPartition = ({ topic, partition }: Position, partitions: number): string =>
  `there is no partition ${partition} of ${topic}, which has ${partitions}`;
