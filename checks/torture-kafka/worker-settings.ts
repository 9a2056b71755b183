import type { CommitStep } from "#engine/broker/kafka/kafka-broker.ts";
import type { SmokeOptions } from "./smoke/plan.ts";

/** What a worker process is told, as JSON, by its first argument. */
export type WorkerSettings = {
  /** `kafka://host:port,…` */
  readonly url: string;
  readonly member: string;
  readonly stateFile: string;
  readonly smoke: SmokeOptions;
  readonly replication: number;
  readonly minIsr: number;
  readonly sessionTimeoutMs: number;
  readonly transactionTimeoutMs: number;
  readonly commitMs: number;
  /** Kills itself at this step of its so many-th commit with this step. */
  readonly kill?: { readonly at: CommitStep; readonly commit: number };
};

/** What it says, a line of JSON each. */
export type WorkerWord =
  | { readonly say: "ready" }
  | { readonly say: "assigned"; readonly tasks: readonly string[]; readonly generation: number }
  | { readonly say: "committed"; readonly tasks: number; readonly records: number; readonly ms: number }
  | { readonly say: "commit-failed"; readonly kind: "aborted" | "fenced"; readonly reason: string; readonly tasks: number }
  | { readonly say: "restoring"; readonly task: string; readonly read: number; readonly total: number }
  | { readonly say: "rebalanced"; readonly generation: number; readonly why: string; readonly reason: string }
  | { readonly say: "transaction"; readonly outcome: string; readonly ms: number; readonly tries: number }
  | { readonly say: "local-copy-stuck"; readonly error: string }
  | { readonly say: "log-away"; readonly error: string; readonly failed: number }
  | { readonly say: "retrying"; readonly task: string; readonly where: string; readonly error: string }
  | { readonly say: "dead-lettered"; readonly what: string }
  | { readonly say: "task-stopped"; readonly task: string; readonly error: string }
  /** Its last word. */
  | { readonly say: "stopped" }
  | { readonly say: "failed"; readonly code: string; readonly error: string };

/** What it is told, a line each: ends cleanly, and writes the state of its tasks into this file. */
export type WorkerOrder = { readonly order: "stop"; readonly dumpFile: string };
