import type { RecordBatch, TaskId } from "#broker/broker.ts";
import { noHeaders, RecordBatchBuilder } from "#broker/record-batch.ts";
import type { SubTopologyPlan } from "./plan.ts";
import type { Task } from "./task.ts";
import { encodeMarks, type Mark } from "./watermark.ts";

/** What changed of the marks of a worker's tasks, to be told by the commit that is being made. */
export type TellableMarks = { readonly changed: ReadonlyMap<TaskId, Mark>; readonly batches: readonly RecordBatch[] };

/**
 * Tells the partitions a task writes to how far it has come. Idleness is judged here, in the commit that tells it, for all tasks at once: a task is
 * idle when it had nothing to read for `idleMs`, and one with unread records never is. Marks that did not change are not told again.
 */
export class MarkTeller {
  private readonly idleMs: number;
  private readonly told = new Map<TaskId, Mark>();
  private readonly busyAt = new Map<TaskId, number>();
  private readonly repartitions: ReadonlyMap<string, readonly { readonly topic: string; readonly partitions: number }[]>;

  constructor(plans: readonly SubTopologyPlan[], idleMs: number) {
    this.idleMs = idleMs;
    this.repartitions = new Map(
      plans.map((plan) => {
        const topics = new Map(
          plan.sinks.filter((sink) => sink.kind === "repartition").map(({ topic, partitions }) => [topic, { topic, partitions }]),
        );
        return [plan.id, [...topics.values()]];
      }),
    );
  }

  gather(tasks: Iterable<Task>, nowMs: number): TellableMarks {
    const changed = new Map<TaskId, Mark>();
    const byTopic = new Map<string, { readonly partitions: number; readonly marks: [TaskId, Mark][] }>();
    for (const task of tasks) {
      const topics = this.repartitions.get(task.plan.id)!;
      if (topics.length === 0) continue;
      const mark = task.markWhen(this.idle(task, nowMs));
      if (mark === this.told.get(task.id) || (mark === -1 && !this.told.has(task.id))) continue;
      changed.set(task.id, mark);
      for (const { topic, partitions } of topics) {
        let entry = byTopic.get(topic);
        if (entry === undefined) byTopic.set(topic, (entry = { partitions, marks: [] }));
        entry.marks.push([task.id, mark]);
      }
    }
    const batches: RecordBatch[] = [];
    for (const [topic, { partitions, marks }] of byTopic) {
      const value = encodeMarks(marks);
      for (let partition = 0; partition < partitions; partition++) {
        const builder = new RecordBatchBuilder(64 + value.length);
        builder.append({ timestamp: nowMs, sequence: 0, key: null, value, headers: noHeaders });
        batches.push({ topic, partition, kind: "watermarks", ...builder.take()! });
      }
    }
    return { changed, batches };
  }

  /** The commit that told them is durable. */
  committed({ changed }: TellableMarks): void {
    for (const [task, mark] of changed) this.told.set(task, mark);
  }

  /** A task that is opened (again) tells its mark anew. */
  forget(task: TaskId): void {
    this.told.delete(task);
    this.busyAt.delete(task);
  }

  private idle(task: Task, nowMs: number): boolean {
    const since = this.busyAt.get(task.id);
    if (!task.caughtUp || task.taken > 0 || since === undefined) {
      // Seen for the first time counts as busy: `idleMs` run from the start of the worker.
      this.busyAt.set(task.id, nowMs);
      return task.caughtUp && this.idleMs === 0;
    }
    return nowMs - since >= this.idleMs;
  }
}
