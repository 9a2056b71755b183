import type { ReadableTask, Worker } from "@millrace/engine";
import type { QueryPlan } from "#topology/plan/query-plan.ts";
import { asOfTasks } from "../as-of.ts";
import { HighestRows } from "../highest-rows.ts";
import type { RowPosition } from "../query-request.ts";
import { cellText, rowWriter } from "../row-writer.ts";
import { scanOf } from "../scan.ts";
import { defaultSlice, readSlice, type SliceLimits } from "../slice.ts";
import { createStreamAnswerer } from "../stream/answer-stream.ts";
import type { FeedLimits } from "../stream/change-feed.ts";
import { untilAborted } from "../until-aborted.ts";
import type { ShareAnswer, ShareRequest, ShareRow, UnavailableShare } from "./share.ts";
import { shareReader } from "./share-reader.ts";

export type ShareAnswererOptions = {
  /** Name of the worker, for what it cannot answer. */
  readonly member: string;
  readonly worker: Pick<Worker, "read" | "readAfter" | "after" | "openingTasks" | "watch">;
  readonly queries: readonly QueryPlan[];
  readonly slice?: Partial<SliceLimits>;
  readonly feed?: Partial<FeedLimits>;
};

type Rows = Extract<ShareRequest, { kind: "rows" }>;

/** Answers for the tasks of one worker, on its own thread, from committed state, a slice at a time. Keeps nothing between two questions, but for what streams are to be told. */
export function createShareAnswerer(options: ShareAnswererOptions): (request: ShareRequest, signal: AbortSignal) => Promise<ShareAnswer> {
  const { member, worker, queries, slice, feed } = options;
  const byName = new Map(queries.map((query) => [query.name, query]));
  const limits: SliceLimits = { ...defaultSlice, ...slice };

  const onTasks = shareReader({ member, worker });
  const exactly = shareReader({ member, worker, exact: true });
  const streams = createStreamAnswerer({
    worker,
    // Whoever brings the shares together says which log it is.
    log: "",
    queries,
    onTasks: (query, { partitions = [], signal }, read) => exactly(query, { partitions, signal }, read),
    ...(slice === undefined ? {} : { slice }),
    ...(feed === undefined ? {} : { feed }),
  });

  return async (request, signal) => {
    if (request.kind === "stream") return { kind: "stream", told: await streams.stream(request.asked, signal) };
    if (request.kind === "passed") return { kind: "passed", passed: await havePassed(worker, request, signal) };
    const query = byName.get(request.query);
    if (query === undefined) throw new RangeError(`there is no query "${request.query}"`);
    const { partitions } = request;
    if (request.kind === "as-of") return onTasks(query, { partitions, signal }, (tasks) => ({ kind: "as-of", asOf: asOfTasks(tasks) }));
    return request.order === undefined
      ? onTasks(query, { partitions, signal }, (tasks) => oneSlice(query, tasks, { request, limits }))
      : wholeOrdered(query, request, { limits, onTasks: (read) => onTasks(query, { partitions, signal }, read) });
  };
}

function oneSlice(
  query: QueryPlan,
  tasks: readonly ReadableTask[],
  { request, limits }: { readonly request: Rows; readonly limits: SliceLimits },
): ShareAnswer {
  const write = rowWriter(request.format, query.columns);
  const rows: ShareRow[] = [];
  const next = readSlice(query, tasks, {
    ...scanOf(query, request, request),
    limits: { ...limits, rows: Math.min(limits.rows, request.limit) },
    give: (row, final, at) => {
      const text = write(row, final);
      rows.push({ at, text, cell: null });
      return text.length;
    },
  });
  return { kind: "rows", asOf: asOfTasks(tasks), rows, next };
}

/** The first `limit` rows by a column: all rows are seen, slice by slice, and only the best kept. */
async function wholeOrdered(
  query: QueryPlan,
  request: Rows,
  {
    limits,
    onTasks,
  }: {
    readonly limits: SliceLimits;
    readonly onTasks: <T>(read: (tasks: readonly ReadableTask[]) => T) => Promise<T | UnavailableShare>;
  },
): Promise<ShareAnswer> {
  const write = rowWriter(request.format, query.columns);
  const { column } = request.order!;
  const best = new HighestRows(query.columns, request.order!, request.limit);
  let position: RowPosition | undefined;
  while (true) {
    const at = position;
    // It may be run again: what it has read is only counted once it is told.
    const read = await onTasks((tasks) => {
      const given: Parameters<HighestRows["add"]>[] = [];
      const next = readSlice(query, tasks, {
        ...scanOf(query, request, { ...request, position: at }),
        limits: { ...limits, characters: Infinity },
        give: (...row) => {
          given.push(row);
          return 0;
        },
      });
      return { kind: "read" as const, asOf: asOfTasks(tasks), next, given };
    });
    if (read.kind === "unavailable") return read;
    for (const row of read.given) best.add(...row);
    position = read.next;
    if (position !== undefined) continue;
    const rows = best.sorted().map((ranked): ShareRow => {
      const cell = ranked.row[column] ?? null;
      return { at: ranked.at, text: write(ranked.row, ranked.final), cell: cell === null ? null : cellText(cell) };
    });
    return { kind: "rows", asOf: read.asOf, rows, next: undefined };
  }
}

/** Whether the tasks here come past the positions within the time; what lies with others is never passed here. */
async function havePassed(
  worker: ShareAnswererOptions["worker"],
  { subTopology, positions, waitMs }: Extract<ShareRequest, { kind: "passed" }>,
  signal: AbortSignal,
): Promise<boolean> {
  const wait = worker.after(
    subTopology,
    positions.map(({ topic, partition, offset }) => ({ topic, partition, offset: BigInt(offset) })),
  );
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((settle) => (timer = setTimeout(() => settle(false), waitMs)));
  try {
    return await untilAborted(signal, Promise.race([wait.done.then(() => true), late]));
  } finally {
    clearTimeout(timer);
    wait.cancel();
  }
}
