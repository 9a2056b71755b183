import type { TaskId } from "#broker/broker.ts";
import type { Rebalance } from "./group/rebalance.ts";

/** How far the state of a task has been brought back: `read` of `total` offsets of its changelog. */
export type RestoreProgress = { readonly task: TaskId; readonly read: bigint; readonly total: bigint; readonly ms: number };

/** What the adapter tells those who watch it; none is called per record. */
export interface KafkaEvents {
  /** This member joins, for the first time or again; commits of what it keeps go on meanwhile. */
  rebalancing(reason: string): void;
  rebalanced(rebalance: Rebalance): void;
  /** At the beginning of a restore (`read` 0), now and then, and at its end (`read` = `total`). */
  restoring(progress: RestoreProgress): void;
  /** `batches` and `bytes` are what it wrote, `ms` how long it took, `tries` how often it was begun. */
  transaction(event: {
    readonly outcome: "committed" | "aborted" | "fenced" | "unknown";
    readonly ms: number;
    readonly partitions: number;
    readonly bytes: number;
    readonly tries: number;
  }): void;
  /** A commit is durable, but the local copy cannot be written: nothing goes on until it can. */
  localCopyStuck(event: { readonly error: unknown; readonly afterMs: number }): void;
}

export const noKafkaEvents: KafkaEvents = {
  rebalancing: () => undefined,
  rebalanced: () => undefined,
  restoring: () => undefined,
  transaction: () => undefined,
  localCopyStuck: () => undefined,
};
