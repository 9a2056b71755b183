import type { Broker } from "#broker/broker.ts";
import type { StateStorage } from "#state/task-state.ts";
import { defaultRetry, type RetryPolicy } from "./failure.ts";
import type { Plan } from "./plan.ts";
import type { WorkerEvents } from "./worker-events.ts";

export type WorkerOptions = {
  readonly plan: Plan;
  readonly broker: Broker;
  readonly storage: StateStorage;
  readonly member: string;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly events: WorkerEvents;
  /** A commit is due when so many records, or so much time since the first of them, have gathered. */
  readonly commitRecords?: number;
  readonly commitMs?: number;
  /** Goes on with what is at hand while a commit is under way; worth it where a commit waits for others, as on Kafka. */
  readonly pipeline?: boolean;
  /** Records that a task takes before the next task has its turn. */
  readonly sliceRecords?: number;
  /** Above this many records at hand, an input is not fetched. */
  readonly bufferedRecords?: number;
  /** After so long without anything to read, a task tells those behind it that it is idle. Longer than the run where event time outruns the clock. */
  readonly idleMs?: number;
  /** Least time between two tellings of how far the tasks have come. */
  readonly markMs?: number;
  /** How long a task waits for an input that is known to be empty (KIP-695). */
  readonly maxTaskIdleMs?: number;
  readonly retry?: RetryPolicy;
  readonly random?: () => number;
};

export const workerDefaults = {
  commitRecords: 1000,
  commitMs: 10,
  pipeline: false,
  sliceRecords: 50,
  bufferedRecords: 2000,
  idleMs: 1000,
  markMs: 200,
  maxTaskIdleMs: 0,
  retry: defaultRetry,
  random: Math.random,
} as const;
