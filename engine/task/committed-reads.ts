import type { Position, TaskId } from "#broker/broker.ts";
import type { TaskState } from "#state/task-state.ts";
import type { Waiter } from "./read-your-writes.ts";
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
  /** Only at rest, since it may begin to watch what is committed from then on; others are run again where a commit was given back. */
  readonly atRest: boolean;
  /** What has to be committed first. */
  readonly waiter: Waiter | undefined;
};
type Outcome = { readonly kind: "answer"; readonly answer: unknown } | { readonly kind: "error"; readonly error: unknown };

/**
 * Questions about committed state. While records are processed without a pause, there is one moment at which state is as a commit has it: when that is
 * taken. What is read then is held until the commit is durable, and read again if it never is.
 */
export class CommittedReads {
  private waiting: Read[] = [];
  private held: { readonly read: Read; readonly outcome: Outcome }[] = [];
  private over = false;

  /** Any that could be run now, were nothing uncommitted. */
  get pending(): boolean {
    return this.waiting.some(isReady);
  }

  /** Any that a moment of rest is to be made for. */
  get pendingAtRest(): boolean {
    return this.waiting.some(({ atRest }) => atRest);
  }

  ask<T>(run: (stores: StoreAccess) => T, { atRest = false, waiter }: Partial<Pick<Read, "atRest" | "waiter">> = {}): Asked<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const read: Read = { run, settle: resolve as (answer: unknown) => void, fail: reject, atRest, waiter };
    if (this.over) reject(stopped());
    else this.waiting.push(read);
    return { answer: promise, cancel: () => this.drop(read) };
  }

  /** Nothing is uncommitted. */
  answer(tasks: Iterable<Task>): void {
    const ready = this.take(isReady);
    if (ready.length === 0) return;
    const access = accessTo([...tasks], noTasks);
    for (const read of ready) tell(read, outcomeOf(read, access));
  }

  /** A commit of `sealed` was taken, and nothing is left out of it: `shows` says of those who wait for something whether it will show that. */
  hold(tasks: Iterable<Task>, sealed: ReadonlySet<TaskId>, shows: (waiter: Waiter) => boolean): void {
    const ready = this.take((read) => !read.atRest && (isReady(read) || shows(read.waiter!)));
    if (ready.length === 0) return;
    const access = accessTo([...tasks], sealed);
    for (const read of ready) this.held.push({ read, outcome: outcomeOf(read, access) });
  }

  /** The commit is durable. */
  release(): void {
    for (const { read, outcome } of this.held.splice(0)) tell(read, outcome);
  }

  /** The commit never was. */
  giveBack(): void {
    this.waiting.unshift(...this.held.splice(0).map(({ read }) => read));
  }

  /** What waits, and what is asked from now on, is told that the worker has stopped. */
  end(): void {
    this.over = true;
    this.giveBack();
    for (const { fail } of this.waiting.splice(0)) fail(stopped());
  }

  private drop(read: Read): void {
    this.waiting = this.waiting.filter((one) => one !== read);
    this.held = this.held.filter((one) => one.read !== read);
  }

  private take(which: (read: Read) => boolean): Read[] {
    const { waiting } = this;
    if (waiting.length === 0) return waiting;
    const taken = waiting.filter(which);
    if (taken.length > 0) this.waiting = waiting.filter((read) => !taken.includes(read));
    return taken;
  }
}

export type Asked<T> = { readonly answer: Promise<T>; readonly cancel: () => void };

const noTasks: ReadonlySet<TaskId> = new Set();
const isReady = ({ waiter }: Read): boolean => waiter?.met !== false;
const stopped = (): WorkerError => new WorkerError("WORKER_STOPPED", "the worker has stopped");

function outcomeOf({ run }: Read, access: StoreAccess): Outcome {
  try {
    return { kind: "answer", answer: run(access) };
  } catch (error) {
    return { kind: "error", error };
  }
}

function tell(read: Read, outcome: Outcome): void {
  if (outcome.kind === "answer") read.settle(outcome.answer);
  else read.fail(outcome.error);
}

const accessTo = (tasks: readonly Task[], sealed: ReadonlySet<TaskId>): StoreAccess => ({
  tasks: (subTopology) =>
    tasks
      .filter(({ plan }) => plan.id === subTopology)
      .map((task) => ({
        partition: task.partition,
        number: task.commitNumber + (sealed.has(task.id) ? 1n : 0n),
        state: task.stores,
        streamTime: task.streamTime,
        watermark: task.watermark,
        positions: task.positions(),
        closingTimeOf: (node) => task.closingTimeOf(node),
      })),
});
