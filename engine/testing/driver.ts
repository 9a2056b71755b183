import { taskId, type TaskCheckpoint, type TaskCommit, type TaskId } from "#broker/broker.ts";
import { partitionOf } from "#broker/partitioner.ts";
import { encodeHeaders, RecordBatchBuilder, type HeaderList } from "#broker/record-batch.ts";
import { memoryStateStorage, type MemoryStateStorage } from "#state/memory/memory-state-storage.ts";
import type { KeyValueStore, WindowStore } from "#state/store.ts";
import type { TaskStateLimits } from "#state/task-state.ts";
import { defaultRetry } from "#task/failure.ts";
import { MarkTeller } from "#task/marks.ts";
import { storeIdOf } from "#task/pipeline.ts";
import { groupOf, type Plan } from "#task/plan.ts";
import { recover } from "#task/recovery.ts";
import { Task } from "#task/task.ts";
import { upstreamOf } from "#task/upstream.ts";
import { MemoryLog, type DriverRecord } from "./memory-log.ts";
import { countsOf, type NodeCounts } from "#task/node-counts.ts";

/** The steps of a commit in the driver, after each of which the power may be cut. */
export const driverCommitSteps = ["gathered", "durable", "acknowledged", "folded"] as const;
export type DriverCommitStep = (typeof driverCommitSteps)[number];

export type DriverOptions = {
  /** Wall clock at the start, ms. */
  readonly nowMs?: number;
  /** After so long without input a task is idle; 0: as soon as it has read everything. */
  readonly idleMs?: number;
  readonly maxTaskIdleMs?: number;
  /** Records a task takes between two commits. */
  readonly slice?: number;
  readonly limits?: Partial<TaskStateLimits>;
  /** Leaves offsets out between records, as Kafka does. */
  readonly gaps?: boolean;
  /** Called behind each step of each commit, numbered from 0; answering true cuts the power there. */
  readonly crash?: (commit: number, step: DriverCommitStep) => boolean;
};

export type DriverInput = {
  readonly key: string | null;
  readonly value: Uint8Array | null;
  readonly timestamp: number;
  readonly headers?: HeaderList;
  /** Chosen by the key when left out. */
  readonly partition?: number;
};

/**
 * Runs a whole topology in one thread: no broker, time moved by hand. Everything an input causes, through all repartitions, is committed before `pipe`
 * returns. The tasks are those of a worker; only log and state storage are in memory, and both go through the same encoding.
 */
export class TopologyDriver {
  private readonly plan: Plan;
  private readonly options: Required<DriverOptions>;
  private readonly log: MemoryLog;
  private readonly storage: MemoryStateStorage;
  private readonly checkpoints = new Map<TaskId, TaskCheckpoint>();
  private readonly stoppedBy = new Map<TaskId, unknown>();
  private readonly drained = new Map<string, number>();
  private tasks!: Task[];
  private marks!: MarkTeller;
  private clock: number;
  private commits = 0;
  private sequence = 0;

  constructor(plan: Plan, options: DriverOptions = {}) {
    this.plan = plan;
    this.options = { nowMs: 0, idleMs: 0, maxTaskIdleMs: 0, slice: 1000, limits: {}, gaps: false, crash: () => false, ...options };
    this.clock = this.options.nowMs;
    this.log = new MemoryLog(this.options);
    this.storage = memoryStateStorage(this.options.limits);
    for (const { name, partitions } of plan.topics) this.log.create(name, partitions);
    this.open();
    this.settle();
  }

  get nowMs(): number {
    return this.clock;
  }

  pipe(topic: string, ...inputs: readonly DriverInput[]): void {
    this.append(topic, ...inputs);
    this.settle();
  }

  /** Puts records on the log without running anything: what is piped next finds them there. */
  append(topic: string, ...inputs: readonly DriverInput[]): void {
    for (const { key, value, timestamp, headers = [], partition } of inputs) {
      const builder = new RecordBatchBuilder();
      builder.append({ key, value, timestamp, sequence: ++this.sequence, headers: encodeHeaders(headers) });
      const to = partition ?? (key === null ? 0 : partitionOf(key, this.log.partitionsOf(topic)));
      this.log.append({ topic, partition: to, kind: "records", ...builder.take()! }, this.clock);
    }
  }

  advance(ms: number): void {
    this.clock += ms;
    this.settle();
  }

  /** Throws everything in memory away and goes on from the last commit. */
  restart(): void {
    for (const task of this.tasks) task.close();
    this.open();
    this.settle();
  }

  /** All records of a topic. */
  records(topic: string): DriverRecord[] {
    return this.log.records(topic);
  }

  /** Records of a topic since it was last drained. */
  drain(topic: string): DriverRecord[] {
    const records = this.log.records(topic);
    const from = this.drained.get(topic) ?? 0;
    this.drained.set(topic, records.length);
    return records.slice(from);
  }

  keyValue<V>(node: string, store: string): KeyValueStore<V>[] {
    return this.tasksOf(node).map((task) => task.stores.keyValue<V>(storeIdOf(node, store)));
  }

  window<V>(node: string, store: string): WindowStore<V>[] {
    return this.tasksOf(node).map((task) => task.stores.window<V>(storeIdOf(node, store)));
  }

  /** What became of the records that entered a node, over all its tasks. */
  counts(node: string): NodeCounts {
    return countsOf(
      this.tasksOf(node).map(({ meta }) => meta),
      node,
    );
  }

  get stopped(): ReadonlyMap<TaskId, unknown> {
    return this.stoppedBy;
  }

  private tasksOf(node: string): Task[] {
    const tasks = this.tasks.filter(({ plan }) => plan.nodes.some(({ id }) => id === node));
    if (tasks.length === 0) throw new Error(`no node ${node} in ${this.plan.name}`);
    return tasks;
  }

  private open(): void {
    this.stoppedBy.clear();
    this.marks = new MarkTeller(this.plan.subTopologies, { idleMs: this.options.idleMs, paceMs: 0 });
    this.tasks = this.plan.subTopologies.flatMap((sub) =>
      Array.from({ length: sub.partitions }, (_, partition) => {
        const task = taskId(sub.id, partition);
        const checkpoint = this.checkpoints.get(task) ?? { task, number: 0n, next: [], meta: new Uint8Array(0) };
        return new Task({
          plan: sub,
          checkpoint,
          upstream: upstreamOf(sub, this.plan),
          storage: this.storage,
          group: groupOf(this.plan.name),
          maxIdleMs: this.options.maxTaskIdleMs,
          nowMs: this.clock,
        });
      }),
    );
  }

  private settle(): void {
    do {
      for (const task of this.live()) {
        for (const queue of task.queues) {
          for (const batch of this.log.fetch({ topic: queue.topic, partition: queue.partition, offset: queue.fetchPosition }))
            queue.enqueue(batch);
        }
      }
      for (const task of this.live()) {
        task.process(this.options.slice, this.clock);
        task.tick(this.clock);
        if (task.failure !== undefined) this.recover(task);
      }
    } while (this.commit());
  }

  private recover(task: Task): void {
    // Time does not pass by itself here, so what may be tried again later is tried at once.
    let last = "";
    for (let attempt = 0; task.failure !== undefined; attempt++) {
      if (task.failure.at !== last) attempt = 0;
      last = task.failure.at;
      const outcome = recover(task, attempt, { policy: defaultRetry, random: () => 0 });
      if (outcome.kind === "stopped") return this.stop(task, outcome.cause);
      task.process(this.options.slice, this.clock);
    }
  }

  /** Answers whether there was anything to commit. */
  private commit(): boolean {
    const commits = this.live().flatMap((task) => (task.dirty ? this.takeCommit(task) : []));
    const marks = this.marks.gather(this.tasks, this.clock, this.stoppedBy);
    const tasks = this.tasks.filter(({ id }) => marks.changed.has(id) || commits.some(({ task }) => task === id));
    for (const task of tasks) if (!commits.some((commit) => commit.task === task.id)) commits.push(task.takeCommit());
    if (tasks.length === 0) return false;
    const number = this.commits++;
    if (this.cutAt(number, "gathered")) return true;
    for (const commit of commits) this.makeDurable(commit);
    for (const batch of marks.batches) this.log.append(batch, this.clock);
    if (this.cutAt(number, "durable")) return true;
    for (const task of tasks) task.committed();
    this.marks.committed(marks);
    if (this.cutAt(number, "acknowledged")) return true;
    for (const task of tasks) task.fold(100);
    this.cutAt(number, "folded");
    return true;
  }

  private takeCommit(task: Task): TaskCommit[] {
    try {
      return [task.takeCommit()];
    } catch (error) {
      this.stop(task, error);
      return [];
    }
  }

  private stop(task: Task, cause: unknown): void {
    this.stoppedBy.set(task.id, cause);
    task.rewind(0);
  }

  private makeDurable({ task, number, next, meta, changes, outputs }: TaskCommit): void {
    this.storage.commit(task, number, changes);
    this.checkpoints.set(task, { task, number, next, meta });
    for (const output of outputs) this.log.append(output, this.clock);
  }

  private cutAt(commit: number, step: DriverCommitStep): boolean {
    if (!this.options.crash(commit, step)) return false;
    for (const task of this.tasks) task.close();
    this.open();
    return true;
  }

  private live(): Task[] {
    return this.tasks.filter(({ id }) => !this.stoppedBy.has(id));
  }
}
