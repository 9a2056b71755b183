import { setImmediate as nextTurn } from "node:timers/promises";
import { type ReadableTask, type StoreAccess, taskId, type Worker, WorkerError } from "@millrace/engine";
import type { QueryPlan } from "#topology/plan/query-plan.ts";
import { untilAborted } from "../until-aborted.ts";
import type { UnavailableShare } from "./share.ts";

export type ShareReaderOptions = {
  /** Name of the worker, for what it cannot answer. */
  readonly member: string;
  readonly worker: Pick<Worker, "read" | "readAfter" | "openingTasks">;
  /** The tasks that are asked for must be all of the query that the worker has. */
  readonly exact?: boolean;
};

export type ReadShare = <T>(
  query: QueryPlan,
  asked: { readonly partitions: readonly number[]; readonly signal: AbortSignal },
  read: (tasks: readonly ReadableTask[]) => T,
) => Promise<T | UnavailableShare>;

/**
 * Runs `read` on the tasks that are asked for, as of a commit, if all of them are here and run. With `exact` at a moment when nothing is under way, once;
 * else it changes nothing, since it may be run more than once.
 */
export function shareReader({ member, worker, exact = false }: ShareReaderOptions): ReadShare {
  const missing = ({ name, subTopology }: QueryPlan, partitions: readonly number[]): UnavailableShare => {
    const restoring = partitions.every((partition) => worker.openingTasks.includes(taskId(subTopology, partition)));
    const which = `partition ${shown(partitions)} of "${name}"`;
    return restoring
      ? { kind: "unavailable", code: "QUERY_OWNER_RESTORING", detail: `${member} is restoring ${which}` }
      : { kind: "unavailable", code: "QUERY_OWNER_MOVED", detail: `${member} does not process ${which} at the moment` };
  };

  return async (query, { partitions, signal }, read) => {
    // Slice upon slice would leave the thread's timers and sockets no turn of their own.
    await nextTurn();
    const onHere = (access: StoreAccess): ReturnType<typeof read> | UnavailableShare => {
      const all = access.tasks(query.subTopology);
      const here = all.filter(({ partition }) => partitions.includes(partition));
      const found = new Set(here.map(({ partition }) => partition));
      if (here.length < partitions.length)
        return missing(
          query,
          partitions.filter((partition) => !found.has(partition)),
        );
      if (!exact || all.length === here.length) return read(here);
      return { kind: "unavailable", code: "QUERY_OWNER_MOVED", detail: `${member} has got more of "${query.name}" than it is asked for` };
    };
    try {
      return await untilAborted(signal, exact ? worker.read(onHere) : worker.readAfter(query.subTopology, [], onHere).answer);
    } catch (error) {
      if (!(error instanceof WorkerError)) throw error;
      return { kind: "unavailable", code: "QUERY_OWNER_UNREACHABLE", detail: `${member} is stopping` };
    }
  };
}

export const shown = (partitions: readonly number[]): string =>
  partitions.length > 10 ? `${partitions.slice(0, 10).join(", ")}…` : partitions.join(", ");
