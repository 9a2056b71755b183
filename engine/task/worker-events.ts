import type { TaskId } from "#broker/broker.ts";
import type { DeadLettered } from "./dead-letter-tally.ts";

/** What a worker tells those who watch it; whoever starts it turns this into log lines and metrics. None is called per record. */
export interface WorkerEvents {
  assigned(event: { readonly tasks: readonly TaskId[]; readonly generation: number }): void;
  committed(event: { readonly tasks: number; readonly records: number; readonly ms: number }): void;
  commitFailed(event: { readonly kind: "aborted" | "fenced"; readonly reason: string; readonly tasks: number }): void;
  /** Reading from the log failed and is tried again; `failed` times in a row. */
  logAway(event: { readonly error: unknown; readonly failed: number }): void;
  retrying(event: {
    readonly task: TaskId;
    readonly at: string;
    readonly attempt: number;
    readonly afterMs: number;
    readonly error: unknown;
  }): void;
  /** Once a commit for each task, node and reason, behind the commit that made them durable. */
  deadLettered(event: { readonly task: TaskId } & Readonly<DeadLettered>): void;
  taskStopped(event: { readonly task: TaskId; readonly at: string; readonly error: unknown }): void;
}

/** For those who do not watch. */
export const noWorkerEvents: WorkerEvents = {
  assigned: () => undefined,
  committed: () => undefined,
  commitFailed: () => undefined,
  logAway: () => undefined,
  retrying: () => undefined,
  deadLettered: () => undefined,
  taskStopped: () => undefined,
};
