import type { MessagePort } from "node:worker_threads";

/** What the engine's thread is started with. */
export type EngineSettings = {
  readonly topology: string;
  /** The log's file. */
  readonly log: string;
  readonly commitMs: number;
  readonly commitRecords: number;
  readonly idleMs: number;
  readonly logFile: string;
  readonly logLevel: string;
  /** Whether what the file says of sinks is done. */
  readonly sinks: boolean;
  readonly appends: MessagePort;
  readonly queries: MessagePort;
  readonly inspections: MessagePort;
};

/** From the main thread. */
export type ToEngine = { readonly kind: "stop" } | { readonly kind: "metrics"; readonly id: number };

/** `sinks` says how they are, whenever that changes; `stopped-tasks` names tasks that stand still after a bug; `failed` ends the thread. */
export type FromEngine =
  | {
      readonly kind: "ready";
      /** What the topology was compiled with. */
      readonly partitionNumber: number | undefined;
      readonly partitions: readonly (readonly [topic: string, partitions: number])[];
    }
  | { readonly kind: "stopped-tasks"; readonly tasks: readonly string[] }
  | { readonly kind: "sinks"; readonly detail: string }
  | { readonly kind: "metrics"; readonly id: number; readonly text: string }
  | { readonly kind: "failed"; readonly code: string; readonly message: string }
  | { readonly kind: "ended" };
