import { taskId, type TaskId } from "#broker/broker.ts";
import type { Plan, SubTopologyPlan } from "./plan.ts";

/** The tasks that tell their time to the tasks of a sub-topology. */
export function upstreamOf(plan: SubTopologyPlan, { subTopologies }: Plan): TaskId[] {
  const upstream = new Set(plan.sources.flatMap((source) => source.upstream));
  return subTopologies
    .filter(({ id }) => upstream.has(id))
    .flatMap(({ id, partitions }) => Array.from({ length: partitions }, (_, partition) => taskId(id, partition)));
}
