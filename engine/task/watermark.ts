import type { TaskId } from "#broker/broker.ts";
import type { Cell } from "#operators/context.ts";
import type { TaskMeta } from "./task-meta.ts";

/** How far an upstream task has come, ms; null: idle, nothing to read. */
export type Mark = number | null;
export type Marks = readonly (readonly [task: TaskId, mark: Mark])[];

export const encodeMarks = (marks: Marks): Uint8Array => Buffer.from(JSON.stringify(marks));
export const decodeMarks = (bytes: Uint8Array): Marks =>
  JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()) as Marks;

/**
 * The least time of the upstream tasks that are not idle, bounded by the task's own stream time; one never heard of counts as not idle, at the
 * beginning of time. It never goes back. `Infinity` for a task without upstream: there stream time alone counts.
 */
export class Watermark {
  private readonly told = new Map<TaskId, Cell>();
  private readonly current: Cell | undefined;

  constructor(upstream: readonly TaskId[], meta: TaskMeta) {
    for (const task of upstream) this.told.set(task, meta.cell(`told/${task}`, -1));
    this.current = upstream.length === 0 ? undefined : meta.cell("watermark", -1);
  }

  get value(): number {
    return this.current === undefined ? Infinity : this.current.value;
  }

  /** Takes the marks of one commit together; answers whether the watermark moved. */
  take(marks: Marks, streamTime: number): boolean {
    for (const [task, mark] of marks) {
      const cell = this.told.get(task);
      if (cell !== undefined) cell.value = mark ?? Infinity;
    }
    if (this.current === undefined) return false;
    let least = streamTime;
    for (const cell of this.told.values()) if (cell.value < least) least = cell.value;
    if (least <= this.current.value) return false;
    this.current.value = least;
    return true;
  }
}
