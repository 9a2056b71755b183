import { taskId, type TaskId } from "#broker/broker.ts";
import type { InputQueue } from "./input-queue.ts";
import type { Task } from "./task.ts";

/** The tasks that a worker has open: which of them run, which pause behind an error or stand still, and which queue takes what lies in the log. */
export class OwnedTasks {
  private readonly tasks = new Map<TaskId, Task>();
  private readonly queues = new Map<string, InputQueue>();
  private readonly paused = new Map<TaskId, number>();
  /** Where each task failed last, and how often there. */
  private readonly attempts = new Map<TaskId, { readonly at: string; readonly count: number }>();
  private readonly stoppedBy = new Map<TaskId, unknown>();
  /** The longest pause that is taken for one, ms: no other is real unless the clock was set back. */
  private readonly longestPauseMs: number;

  constructor(longestPauseMs: number) {
    this.longestPauseMs = longestPauseMs;
  }

  add(task: Task): void {
    this.tasks.set(task.id, task);
    for (const queue of task.queues) this.queues.set(placeOf(queue.topic, queue.partition), queue);
  }

  /** Closes the task, if it is here, and forgets what befell it; false when it was not here. */
  remove(id: TaskId): boolean {
    const task = this.tasks.get(id);
    for (const { topic, partition } of task?.queues ?? []) this.queues.delete(placeOf(topic, partition));
    task?.close();
    this.paused.delete(id);
    this.attempts.delete(id);
    this.stoppedBy.delete(id);
    return this.tasks.delete(id);
  }

  get all(): ReadonlyMap<TaskId, Task> {
    return this.tasks;
  }

  /** Tasks that stand still, with what stopped them. */
  get stopped(): ReadonlyMap<TaskId, unknown> {
    return this.stoppedBy;
  }

  stop(id: TaskId, error: unknown): void {
    this.stoppedBy.set(id, error);
  }

  /** It failed at `at` for the `attempt`th time and is not to run before `untilMs`. */
  pause(id: TaskId, { at, attempt, untilMs }: { readonly at: string; readonly attempt: number; readonly untilMs: number }): void {
    this.attempts.set(id, { at, count: attempt });
    this.paused.set(id, untilMs);
  }

  pausedUntil(id: TaskId): number {
    return this.paused.get(id) ?? 0;
  }

  /** How often it failed there, one time behind the other. */
  attemptsAt(id: TaskId, at: string): number {
    const last = this.attempts.get(id);
    return last?.at === at ? last.count : 0;
  }

  /** Those that do not stand still. */
  live(): Task[] {
    return [...this.tasks.values()].filter(({ id }) => !this.stoppedBy.has(id));
  }

  runnable(nowMs: number): Task[] {
    return this.live().filter(({ id }) => {
      const until = this.pausedUntil(id);
      return until <= nowMs || until - nowMs > this.longestPauseMs;
    });
  }

  failed(): Task[] {
    return this.live().filter(({ failure }) => failure !== undefined);
  }

  /** Any of those that do not stand still has something to commit. */
  get dirty(): boolean {
    return this.tasks.values().some(({ id, dirty }) => dirty && !this.stoppedBy.has(id));
  }

  /** Records that no commit has taken yet. */
  get untaken(): number {
    return this.tasks.values().reduce((sum, { untaken }) => sum + untaken, 0);
  }

  reader(topic: string, partition: number): InputQueue | undefined {
    return this.queues.get(placeOf(topic, partition));
  }

  queueOf(subTopology: string, topic: string, partition: number): InputQueue | undefined {
    return this.tasks.get(taskId(subTopology, partition))?.queues.find((queue) => queue.topic === topic);
  }
}

const placeOf = (topic: string, partition: number): string => `${topic} ${partition}`;
