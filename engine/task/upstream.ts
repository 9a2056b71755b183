import { taskId } from "#broker/broker.ts";
import type { Plan, SubTopologyPlan } from "./plan.ts";
import type { Upstream } from "./watermark.ts";

/** The tasks that tell their time to the tasks of a sub-topology, by source topic. */
export function upstreamOf(plan: SubTopologyPlan, { subTopologies }: Plan): Upstream {
  return new Map(
    plan.sources.map(({ topic, upstream }) => [
      topic,
      subTopologies
        .filter(({ id }) => upstream.includes(id))
        .flatMap(({ id, partitions }) => Array.from({ length: partitions }, (_, partition) => taskId(id, partition))),
    ]),
  );
}
