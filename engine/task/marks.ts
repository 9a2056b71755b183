import type { RecordBatch, TaskId } from "#broker/broker.ts";
import { noHeaders, RecordBatchBuilder } from "#broker/record-batch.ts";
import { elapsed } from "./elapsed.ts";
import type { SubTopologyPlan } from "./plan.ts";
import type { Task } from "./task.ts";
import { encodeMarks, type Mark, type Marks } from "./watermark.ts";

/** What changed of the marks of a worker's tasks, to be told by the commit that is being made. */
export type TellableMarks = {
  readonly changed: ReadonlyMap<TaskId, Mark>;
  readonly batches: readonly RecordBatch[];
  /** Tasks with something to tell that can wait. */
  readonly waiting: readonly TaskId[];
  /** When all marks were told last, once these are. */
  readonly allToldAtMs: number;
};

/**
 * Tells the partitions a task writes to how far it has come. Idleness is judged here, in the commit that tells it, for all tasks at once: a task is
 * idle when it had nothing to read for `idleMs`, and one with unread records never is. Marks that did not change are not told again, and all are told
 * at most every `paceMs`, since each is a batch for every partition: but that a task is not idle any more is told at once.
 */
export class MarkTeller {
  private readonly idleMs: number;
  private readonly paceMs: number;
  private readonly told = new Map<TaskId, Mark>();
  private readonly busyAt = new Map<TaskId, number>();
  private readonly topics: readonly MarkedTopic[];
  /** Tasks that committed records without telling their mark behind them. */
  private readonly owing = new Set<TaskId>();
  private toldAtMs = -Infinity;

  constructor(plans: readonly SubTopologyPlan[], { idleMs, paceMs }: { readonly idleMs: number; readonly paceMs: number }) {
    this.idleMs = idleMs;
    this.paceMs = paceMs;
    this.topics = markedTopics(plans);
  }

  /** A task that stands still has something unread: it is not idle, whatever it saw last. */
  gather(tasks: Iterable<Task>, nowMs: number, stopped: ReadonlyMap<TaskId, unknown>): TellableMarks {
    const changed = new Map<TaskId, Mark>();
    const waiting: TaskId[] = [];
    const early = elapsed(this.toldAtMs, nowMs) < this.paceMs;
    const marks: { readonly subTopology: string; readonly mark: Marks[number] }[] = [];
    for (const task of tasks) {
      if (!task.placed) continue;
      const mark = task.markWhen(!stopped.has(task.id) && this.idle(task, nowMs));
      // Behind new records it is told again, since the time of those who read them may have moved; so is, behind a restart, one that may have been idle.
      const told = this.told.get(task.id);
      if (mark === told && task.taken === 0 && !this.owing.has(task.id)) continue;
      if (mark === -1 && task.commitNumber === 0n) continue;
      const subTopology = task.plan.id;
      if (!this.topics.some(({ tellers }) => tellers.has(subTopology))) continue;
      // A lower mark that is told later makes nothing late; taking a busy task for an idle one would.
      if (early && told !== undefined && told !== null) {
        waiting.push(task.id);
        continue;
      }
      changed.set(task.id, mark);
      marks.push({ subTopology, mark: [task.id, mark, Number(task.commitNumber) + 1] });
    }
    const batches: RecordBatch[] = [];
    for (const { topic, partitions, tellers } of marks.length === 0 ? [] : this.topics) {
      const toTell = marks.filter(({ subTopology }) => tellers.has(subTopology)).map(({ mark }) => mark);
      if (toTell.length === 0) continue;
      const value = encodeMarks(toTell);
      const builder = new RecordBatchBuilder(64 + value.length);
      builder.append({ timestamp: nowMs, sequence: 0, key: null, value, headers: noHeaders });
      const frame = builder.take()!;
      for (let partition = 0; partition < partitions; partition++) batches.push({ topic, partition, kind: "watermarks", ...frame });
    }
    return { changed, batches, waiting, allToldAtMs: early ? this.toldAtMs : nowMs };
  }

  /** The commit that told them is durable. */
  committed({ changed, waiting, allToldAtMs }: TellableMarks): void {
    if (changed.size > 0) this.toldAtMs = allToldAtMs;
    for (const task of waiting) this.owing.add(task);
    for (const [task, mark] of changed) {
      this.told.set(task, mark);
      this.owing.delete(task);
    }
  }

  /** A task that is opened (again) tells its mark anew. */
  forget(task: TaskId): void {
    this.told.delete(task);
    this.owing.delete(task);
    this.busyAt.delete(task);
  }

  private idle(task: Task, nowMs: number): boolean {
    const since = this.busyAt.get(task.id);
    // Behind a clock that was set back the time begins anew, too.
    if (!task.caughtUp || task.taken > 0 || since === undefined || since > nowMs) {
      // Seen for the first time counts as busy: `idleMs` run from the start of the worker.
      this.busyAt.set(task.id, nowMs);
      return task.caughtUp && this.idleMs === 0;
    }
    return nowMs - since >= this.idleMs;
  }
}

/** A repartition topic, and the sub-topologies whose marks its readers must hear through it: all that write to any of those readers. */
type MarkedTopic = { readonly topic: string; readonly partitions: number; readonly tellers: ReadonlySet<string> };

function markedTopics(plans: readonly SubTopologyPlan[]): MarkedTopic[] {
  const topics = new Map(
    plans.flatMap(({ sinks }) => sinks.filter(({ kind }) => kind === "repartition").map(({ topic, partitions }) => [topic, partitions])),
  );
  return [...topics].map(([topic, partitions]) => {
    const readers = plans.filter(({ sources }) => sources.some((source) => source.topic === topic));
    return { topic, partitions, tellers: new Set(readers.flatMap(({ sources }) => sources.flatMap(({ upstream }) => upstream))) };
  });
}
