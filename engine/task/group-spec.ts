import { type GroupSpec, taskId } from "#broker/broker.ts";
import { groupOf, type Plan } from "./plan.ts";
import { WorkerError } from "./worker-error.ts";

/** The tasks of a plan and what each reads, the same from every member. @throws {WorkerError} `WORKER_PLAN` */
export function groupSpecOf({ name, subTopologies }: Plan, member: string): GroupSpec {
  const topics = subTopologies.flatMap(({ sources }) => sources.map(({ topic }) => topic));
  const twice = topics.find((topic, i) => topics.indexOf(topic) !== i);
  if (twice !== undefined)
    throw new WorkerError(
      "WORKER_PLAN",
      `topic ${twice} is read twice; nodes that read one topic belong to one source of one sub-topology`,
    );
  return {
    group: groupOf(name),
    member,
    tasks: subTopologies.flatMap(({ id, partitions, sources }) =>
      Array.from({ length: partitions }, (_, partition) => ({
        task: taskId(id, partition),
        inputs: sources.map(({ topic }) => ({ topic, partition })),
      })),
    ),
  };
}
