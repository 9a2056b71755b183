import type { Position } from "#broker/broker.ts";
import type { TaskState } from "#state/task-state.ts";
import type { Task } from "./task.ts";
import { WorkerError } from "./worker-error.ts";

/** A task as queries see it, as of its last commit. */
export type ReadableTask = {
  readonly partition: number;
  /** Of its last commit. */
  readonly number: bigint;
  readonly state: TaskState;
  readonly streamTime: number;
  readonly watermark: number;
  readonly positions: readonly Position[];
  /** The time by which the windows of a node close; −1 when it is not known. */
  readonly closingTimeOf: (node: string) => number;
};

/** The tasks of this worker, by sub-topology. */
export interface StoreAccess {
  tasks(subTopology: string): readonly ReadableTask[];
}

type Read = {
  readonly run: (stores: StoreAccess) => unknown;
  readonly settle: (answer: unknown) => void;
  readonly fail: (error: unknown) => void;
};

/** Questions about committed state, which wait for a moment when nothing is uncommitted. */
export class CommittedReads {
  private readonly waiting: Read[] = [];
  private over = false;

  get pending(): boolean {
    return this.waiting.length > 0;
  }

  ask<T>(run: (stores: StoreAccess) => T): Promise<T> {
    return new Promise<T>((settle, fail) => {
      if (this.over) return fail(new WorkerError("WORKER_STOPPED", "the worker has stopped"));
      this.waiting.push({ run, settle: settle as (answer: unknown) => void, fail });
    });
  }

  answer(tasks: Iterable<Task>): void {
    if (this.waiting.length === 0) return;
    const access = accessTo([...tasks]);
    for (const { run, settle, fail } of this.waiting.splice(0)) {
      try {
        settle(run(access));
      } catch (error) {
        fail(error);
      }
    }
  }

  /** What waits, and what is asked from now on, is told that the worker has stopped. */
  end(): void {
    this.over = true;
    for (const { fail } of this.waiting.splice(0)) fail(new WorkerError("WORKER_STOPPED", "the worker has stopped"));
  }
}

const accessTo = (tasks: readonly Task[]): StoreAccess => ({
  tasks: (subTopology) =>
    tasks
      .filter(({ plan }) => plan.id === subTopology)
      .map((task) => ({
        partition: task.partition,
        number: task.commitNumber,
        state: task.stores,
        streamTime: task.streamTime,
        watermark: task.watermark,
        positions: task.positions(),
        closingTimeOf: (node) => task.closingTimeOf(node),
      })),
});
