import { setImmediate as nextTurn } from "node:timers/promises";
import { WorkerError, type Plan, type ReadableTask, type Worker } from "@millrace/engine";
import type { QueryPlan } from "#topology/plan/query-plan.ts";
import type { Answer } from "./query-request.ts";
import { untilAborted } from "./until-aborted.ts";

export type Unavailable = Extract<Answer, { kind: "unavailable" }>;

/** Runs `read` on the tasks of a query at the next moment when nothing is uncommitted, if all of them are here and run. */
export type ReadTasks = <T>(query: QueryPlan, signal: AbortSignal, read: (tasks: readonly ReadableTask[]) => T) => Promise<T | Unavailable>;

export function taskReader(worker: Pick<Worker, "read">, plan: Plan): ReadTasks {
  const tasksOf = new Map(plan.subTopologies.map(({ id, partitions }) => [id, partitions]));
  return async (query, signal, read) => {
    // An idle worker answers within the turn that asks: slice upon slice would leave the thread's timers and sockets no turn of their own.
    await nextTurn();
    try {
      return await untilAborted(
        signal,
        worker.read((access) => {
          const tasks = access.tasks(query.subTopology);
          const expected = tasksOf.get(query.subTopology) ?? 0;
          if (tasks.length < expected) return missingTasks(query, tasks, expected);
          return read(tasks);
        }),
      );
    } catch (error) {
      if (error instanceof WorkerError) return { kind: "unavailable", detail: "the engine is stopping" };
      throw error;
    }
  };
}

/** The same for streams, which a worker that has all tasks tells of all of them. */
export const allTasks =
  (readTasks: ReadTasks) =>
  <T>(
    query: QueryPlan,
    { signal }: { readonly signal: AbortSignal },
    read: (tasks: readonly ReadableTask[]) => T,
  ): Promise<T | Unavailable> =>
    readTasks(query, signal, read);

function missingTasks(query: QueryPlan, tasks: readonly ReadableTask[], expected: number): Unavailable {
  const here = new Set(tasks.map(({ partition }) => partition));
  const missing = Array.from({ length: expected }, (_, partition) => partition).filter((partition) => !here.has(partition));
  const shown = missing.length > 10 ? `${missing.slice(0, 10).join(", ")}…` : missing.join(", ");
  return { kind: "unavailable", detail: `partition ${shown} of "${query.name}" is not processed at the moment` };
}
