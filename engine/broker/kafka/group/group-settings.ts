import type { GroupSpec, MembershipHooks, TaskId } from "#broker/broker.ts";
import type { ClusterSettings } from "#broker/kafka/wire/cluster.ts";
import type { Rebalance } from "./rebalance.ts";

export type GroupMemberSettings = {
  readonly cluster: ClusterSettings;
  readonly group: string;
  /** Name of the member that outlives its process: who joins again under it within the session has its tasks back. Letters, digits, `.`, `_`, `-`. */
  readonly instanceId: string;
  readonly tasks: GroupSpec["tasks"];
  /** `host:port` where this member answers queries, told to all others. */
  readonly endpoint?: string | undefined;
  /** After so long without a heartbeat the others take over. 15 s unless told. */
  readonly sessionTimeoutMs?: number;
  /** How long the others wait for a member that gives tasks back or has to join again. 30 s unless told. */
  readonly rebalanceTimeoutMs?: number;
  /** How long the main thread may be busy without a pause. 300 s unless told. */
  readonly maxPollMs?: number;
  /** How long the first join is tried while the cluster does not answer. 60 s unless told. */
  readonly joinTimeoutMs?: number;
};

/** Called one at a time, in the order of events. */
export type GroupHooks = Omit<MembershipHooks, "ended"> & {
  /** Tasks whose state this member has, and how far each is behind; asked before every join, which waits for it. If it fails there is none. */
  heldState(): Promise<ReadonlyMap<TaskId, number>>;
  /** A round begins; `rebalanced` follows unless the member ends. */
  rebalancing(reason: string): void;
  rebalanced(rebalance: Rebalance): void;
  /** The member is out of the group for good, and no hook is called after this one; it was told before what it lost. `FENCED_INSTANCE_ID`: another process runs under its name. */
  failed(error: Error): void;
};
