import type { TaskId } from "#broker/broker.ts";
import { countsIn, type CountSums, type NodeCounts, sumsByNode, takenOutIn } from "./node-counts.ts";
import type { Plan } from "./plan.ts";
import type { Task } from "./task.ts";

/** How far an input is behind: offsets (which may have gaps) and the wait of its oldest record at hand, ms. */
export type InputLag = {
  readonly task: TaskId;
  readonly topic: string;
  readonly partition: number;
  readonly records: number;
  readonly ms: number;
};

/** `watermarkLagMs`: how far the task's watermark is behind its stream time; 0 where nothing was repartitioned. */
export type TaskProgress = {
  readonly task: TaskId;
  readonly stopped: boolean;
  readonly streamTime: number;
  readonly watermarkLagMs: number;
};

/** What is seen of a worker from outside, at one moment. */
export type WorkerSnapshot = {
  readonly inputs: readonly InputLag[];
  readonly tasks: readonly TaskProgress[];
  /** `takenOut`: records, by source topic, that left by the dead letters since the node threw a verdict on them: they count as never entered. */
  readonly nodes: readonly (NodeCounts & { readonly node: string; readonly takenOut: Readonly<Record<string, number>> })[];
  /** Records that were taken out, by a node or before it, by source topic. */
  readonly undecodable: Readonly<Record<string, number>>;
};

export function snapshotOf(
  plan: Plan,
  tasks: readonly Task[],
  { stopped, nowMs }: { stopped: ReadonlyMap<TaskId, unknown>; nowMs: number },
): WorkerSnapshot {
  const sums = sumsByNode(tasks.map(({ meta }) => meta));
  const none: CountSums = new Map();
  const undecodable: Record<string, number> = {};
  for (const { meta } of tasks) {
    for (const [name, value] of meta.under("source/")) {
      const topic = name.slice(0, name.indexOf("#"));
      undecodable[topic] = (undecodable[topic] ?? 0) + value;
    }
  }
  return {
    inputs: tasks.flatMap((task) =>
      task.queues.map((queue) => ({
        task: task.id,
        topic: queue.topic,
        partition: queue.partition,
        records: queue.position < 0n ? 0 : Math.max(0, Number(queue.end - queue.position)),
        ms: queue.head === undefined ? 0 : Math.max(0, nowMs - queue.head.appendedAtMs),
      })),
    ),
    tasks: tasks.map((task) => ({
      task: task.id,
      stopped: stopped.has(task.id),
      streamTime: task.streamTime,
      watermarkLagMs: task.watermark === Infinity ? 0 : Math.max(0, task.streamTime - task.watermark),
    })),
    nodes: plan.subTopologies.flatMap(({ nodes }) =>
      nodes.map(({ id }) => {
        const counted = sums.get(id) ?? none;
        return { node: id, ...countsIn(counted), takenOut: takenOutIn(counted) };
      }),
    ),
    undecodable,
  };
}
