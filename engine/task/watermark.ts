import type { TaskId } from "#broker/broker.ts";
import type { Cell } from "#operators/context.ts";
import type { TaskMeta } from "./task-meta.ts";

/** How far an upstream task has come, ms; null: idle, nothing to read. */
export type Mark = number | null;
/** Marks of one commit of a worker, each with the number of its task's commit. */
export type Marks = readonly (readonly [task: TaskId, mark: Mark, number: number])[];

export const encodeMarks = (marks: Marks): Uint8Array => Buffer.from(JSON.stringify(marks));
export const decodeMarks = (bytes: Uint8Array): Marks =>
  JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()) as Marks;

/** The tasks that tell their time to a task, by the topic through which they tell it. */
export type Upstream = ReadonlyMap<string, readonly TaskId[]>;

/** The last mark that came through one topic, and the number of the commit that told it. */
type Told = { readonly mark: Cell; readonly number: Cell };

/**
 * The least time of the upstream tasks that are not idle, bounded by the task's own stream time; one never heard of counts as not idle, at the
 * beginning of time. It never goes back. `Infinity` for a task without upstream: there stream time alone counts.
 *
 * What a task tells through one topic says nothing of its records in another, which may not have been read yet: marks are kept by topic, and a task
 * that was idle there, but has told through any other topic since that it is not, is waited for.
 */
export class Watermark {
  private readonly told = new Map<string, Map<TaskId, Told>>();
  /** Number of the newest commit in which a task told that it is not idle, through whatever topic. */
  private readonly busyAt = new Map<TaskId, Cell>();
  private readonly current: Cell | undefined;

  constructor(upstream: Upstream, meta: TaskMeta) {
    for (const [topic, tasks] of upstream) {
      if (tasks.length === 0) continue;
      const told = new Map<TaskId, Told>();
      for (const task of tasks) {
        told.set(task, { mark: meta.cell(`told/${topic}/${task}`, -1), number: meta.cell(`told-at/${topic}/${task}`, -1) });
        this.busyAt.set(task, meta.cell(`busy-at/${task}`, -1));
      }
      this.told.set(topic, told);
    }
    this.current = this.told.size === 0 ? undefined : meta.cell("watermark", -1);
  }

  get value(): number {
    return this.current === undefined ? Infinity : this.current.value;
  }

  /** The least time of the upstream tasks that are not idle, `Infinity` without any: nothing older is on its way. */
  get upstream(): number {
    return this.least(Infinity);
  }

  /** Takes the marks of one commit, read from `topic`, together; answers whether the watermark moved. */
  take(topic: string, marks: Marks, streamTime: number): boolean {
    if (this.current === undefined) return false;
    const ofTopic = this.told.get(topic);
    for (const [task, mark, number] of marks) {
      const told = ofTopic?.get(task);
      if (told !== undefined) {
        told.mark.value = mark ?? Infinity;
        told.number.value = number;
      }
      const busyAt = this.busyAt.get(task);
      if (mark !== null && busyAt !== undefined && number > busyAt.value) busyAt.value = number;
    }
    const least = this.least(streamTime);
    if (least <= this.current.value) return false;
    this.current.value = least;
    return true;
  }

  private least(streamTime: number): number {
    let least = streamTime;
    for (const ofTopic of this.told.values()) {
      for (const [task, { mark, number }] of ofTopic) {
        if (mark.value === Infinity && number.value < this.busyAt.get(task)!.value) return -1;
        if (mark.value < least) least = mark.value;
      }
    }
    return least;
  }
}
