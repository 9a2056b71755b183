import { setImmediate as nextTurn } from "node:timers/promises";
import { type Asked, WorkerError, type Plan, type Position, type ReadableTask, type StoreAccess, type Worker } from "@millrace/engine";
import type { QueryPlan } from "#topology/plan/query-plan.ts";
import { asOfTasks } from "./as-of.ts";
import type { Answer } from "./query-request.ts";
import { untilAborted } from "./until-aborted.ts";

export type Unavailable = Extract<Answer, { kind: "unavailable" }>;

export type NotYet = Extract<Answer, { kind: "not-yet" }>;

/** Where a query has to have come to, and how long that is waited for. */
export type Until = { readonly positions: readonly Position[]; readonly waitMs: number };

/** Runs `read` on the tasks of a query, as of a commit, if all of them are here and run. It changes nothing: it may be run more than once. */
export type ReadTasks = <T>(
  query: QueryPlan,
  signal: AbortSignal,
  read: (tasks: readonly ReadableTask[]) => T,
  until?: Until,
) => Promise<T | Unavailable | NotYet>;

export function taskReader(worker: Pick<Worker, "readAfter">, plan: Plan): ReadTasks {
  const all = allOf(plan);
  return async (query, signal, read, until) => {
    // An idle worker answers within the turn that asks: slice upon slice would leave the thread's timers and sockets no turn of their own.
    if (until === undefined) await nextTurn();
    const asked = <R>(positions: readonly Position[], run: (tasks: readonly ReadableTask[]) => R): Asked<R | Unavailable> =>
      worker.readAfter(query.subTopology, positions, (access) => all(query, access, run));
    return unlessStopped(async () => {
      if (until === undefined) return untilAborted(signal, asked([], read).answer);
      const inTime = await within(asked(until.positions, read), until.waitMs, signal);
      if (inTime !== tooLate) return inTime;
      return untilAborted(signal, asked([], (tasks): NotYet => ({ kind: "not-yet", asOf: asOfTasks(tasks) })).answer);
    });
  };
}

/** The same for streams, which a worker that has all tasks tells of all of them, and which begin while nothing is under way. */
export function allTasks(
  worker: Pick<Worker, "read">,
  plan: Plan,
): <T>(query: QueryPlan, asked: { readonly signal: AbortSignal }, read: (tasks: readonly ReadableTask[]) => T) => Promise<T | Unavailable> {
  const all = allOf(plan);
  return async (query, { signal }, read) => {
    await nextTurn();
    return unlessStopped(() =>
      untilAborted(
        signal,
        worker.read((access) => all(query, access, read)),
      ),
    );
  };
}

type OnAll = <T>(query: QueryPlan, access: StoreAccess, read: (tasks: readonly ReadableTask[]) => T) => T | Unavailable;

function allOf(plan: Plan): OnAll {
  const tasksOf = new Map(plan.subTopologies.map(({ id, partitions }) => [id, partitions]));
  return (query, access, read) => {
    const tasks = access.tasks(query.subTopology);
    const expected = tasksOf.get(query.subTopology) ?? 0;
    return tasks.length < expected ? missingTasks(query, tasks, expected) : read(tasks);
  };
}

async function unlessStopped<T>(run: () => Promise<T>): Promise<T | Unavailable> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof WorkerError) return { kind: "unavailable", detail: "the engine is stopping" };
    throw error;
  }
}

const tooLate = Symbol("too late");

/** What is asked is not asked any more when the time has passed. */
async function within<T>({ answer, cancel }: Asked<T>, waitMs: number, signal: AbortSignal): Promise<T | typeof tooLate> {
  let timer: NodeJS.Timeout | undefined;
  const passed = new Promise<typeof tooLate>((settle) => (timer = setTimeout(() => settle(tooLate), waitMs)));
  try {
    return await untilAborted(signal, Promise.race([answer, passed]));
  } finally {
    clearTimeout(timer);
    cancel();
  }
}

function missingTasks(query: QueryPlan, tasks: readonly ReadableTask[], expected: number): Unavailable {
  const here = new Set(tasks.map(({ partition }) => partition));
  const missing = Array.from({ length: expected }, (_, partition) => partition).filter((partition) => !here.has(partition));
  const shown = missing.length > 10 ? `${missing.slice(0, 10).join(", ")}…` : missing.join(", ");
  return { kind: "unavailable", detail: `partition ${shown} of "${query.name}" is not processed at the moment` };
}
