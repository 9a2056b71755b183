import { setTimeout } from "node:timers/promises";
import { BrokerError } from "#broker/broker-error.ts";
import { type Broker, splitTaskId, type TaskCheckpoint, type TaskId } from "#broker/broker.ts";
import { backoff, type RetryPolicy } from "./failure.ts";
import { groupOf } from "./plan.ts";
import { Task } from "./task.ts";
import { upstreamOf } from "./upstream.ts";
import type { WorkerOptions } from "./worker-options.ts";

export type OpeningsSetup = {
  readonly broker: Broker;
  readonly group: string;
  readonly retry: RetryPolicy;
  readonly random: () => number;
  /** Opens the task, at a moment when the worker can. */
  readonly begin: (checkpoint: TaskCheckpoint, wanted: () => boolean) => Promise<void>;
  readonly failed: (error: unknown) => void;
};

/** Tasks that were assigned and whose last commit, and the state that goes with it, are being brought back. */
export class Openings {
  private readonly setup: OpeningsSetup;
  private readonly under = new Map<TaskId, AbortController>();

  constructor(setup: OpeningsSetup) {
    this.setup = setup;
  }

  get tasks(): readonly TaskId[] {
    return [...this.under.keys()];
  }

  has(id: TaskId): boolean {
    return this.under.has(id);
  }

  /** Settles when the task is open, was taken away meanwhile, or could not be opened, which `failed` hears of. */
  async open(id: TaskId): Promise<void> {
    const { begin, failed } = this.setup;
    const opening = new AbortController();
    const { signal } = opening;
    this.under.set(id, opening);
    try {
      const checkpoint = await this.lastCommit(id, signal);
      await begin(checkpoint, () => !signal.aborted);
      if (!signal.aborted) this.under.delete(id);
    } catch (error) {
      if (!signal.aborted) failed(error);
    }
  }

  /** Nobody waits for the task any more. */
  drop(id: TaskId): void {
    this.under.get(id)?.abort();
    this.under.delete(id);
  }

  dropAll(): void {
    for (const id of this.tasks) this.drop(id);
  }

  private async lastCommit(id: TaskId, signal: AbortSignal): Promise<TaskCheckpoint> {
    const { broker, group, retry, random } = this.setup;
    for (let failed = 1; ; failed++) {
      try {
        return (await broker.committed(group, [id], signal))[0]!;
      } catch (error) {
        if (signal.aborted || !(error instanceof BrokerError) || !error.retryable) throw error;
        await setTimeout(backoff(failed, retry, random), undefined, { signal });
      }
    }
  }
}

/** The task as of its last commit. */
export function openTask(
  checkpoint: TaskCheckpoint,
  { plan, storage, clock, maxTaskIdleMs }: Pick<Required<WorkerOptions>, "plan" | "storage" | "clock" | "maxTaskIdleMs">,
): Task {
  const { subTopology } = splitTaskId(checkpoint.task);
  const sub = plan.subTopologies.find(({ id }) => id === subTopology)!;
  const setup = { upstream: upstreamOf(sub, plan), storage, group: groupOf(plan.name), maxIdleMs: maxTaskIdleMs, nowMs: clock() };
  return new Task({ plan: sub, checkpoint, ...setup });
}
