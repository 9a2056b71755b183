import type { MessagePort } from "node:worker_threads";
import type { Owner, TaskId, WorkerSnapshot } from "@millrace/engine";

/** What a worker works with. */
export type WorkerSettings = {
  /** Name of the member, of its state file and of its metrics' label. */
  readonly member: string;
  /** The text that was checked, so that all threads run the same, and the file's name for places. */
  readonly topology: { readonly text: string; readonly file: string };
  /** URL of the cluster; secrets are in the environment. */
  readonly broker: string;
  readonly stateFile: string;
  readonly endpoint: string;
  readonly retention: "default" | "forever";
  /** Undefined: as many as are wanted, or as the cluster has nodes. */
  readonly replication: number | undefined;
  readonly connectMs: number;
  readonly minIsr: number | undefined;
  readonly commitMs: number;
  readonly commitRecords: number;
  readonly idleMs: number;
  readonly taskIdleMs: number;
  readonly sessionTimeoutMs: number;
  readonly transactionTimeoutMs: number;
  readonly keepMembership: boolean;
  readonly logLevel: string;
  /** Whether it delivers what leaves by the sinks of the file: one worker of a process does. */
  readonly sinks: boolean;
  readonly queries: MessagePort;
};

/** How far the restore of one task is: offsets of its changelog that are still to be read, and how many a second. */
export type Restoring = { readonly task: string; readonly remaining: number; readonly perSecond: number };

/** What a worker is at, for readiness. */
export type WorkerStatus = {
  /** False until its first tasks are assigned and open. */
  readonly started: boolean;
  /** Why a round of the group is under way; undefined when none is. */
  readonly rebalancing: string | undefined;
  readonly owned: number;
  /** Tasks whose state is being brought back. */
  readonly opening: readonly string[];
  readonly restoring: readonly Restoring[];
  /** Tasks that stand still after a bug. */
  readonly stopped: readonly string[];
};

/** Who owns which task, as a rebalance told it. */
export type OwnersTold = { readonly generation: number; readonly owners: readonly (readonly [task: TaskId, owner: Owner])[] };

/** From the main thread: the first is `start`; the others come behind it. */
export type ToWorker =
  | { readonly kind: "start"; readonly settings: WorkerSettings }
  | { readonly kind: "stop" }
  | { readonly kind: "metrics" | "snapshot"; readonly id: number };

/** `joined`: the first tasks are assigned and open; `failed` ends the thread. */
export type FromWorker =
  | { readonly kind: "joined" }
  | { readonly kind: "status"; readonly status: WorkerStatus }
  /** How the sinks are, whenever that changes. */
  | { readonly kind: "sinks"; readonly detail: string }
  | { readonly kind: "owners"; readonly told: OwnersTold }
  | { readonly kind: "metrics"; readonly id: number; readonly text: string }
  /** Nothing, as long as it has not begun. */
  | { readonly kind: "snapshot"; readonly id: number; readonly snapshot: WorkerSnapshot | undefined }
  | { readonly kind: "failed"; readonly code: string; readonly message: string }
  | { readonly kind: "ended" };
