import type { BatchIndex } from "./record-batch.ts";

/** What is mixed up easily is branded: a task is named `sub-topology/partition`, e.g. `orders/3`. */
declare const brand: unique symbol;
export type TaskId = string & { readonly [brand]: "task-id" };
export const taskId = (subTopology: string, partition: number): TaskId => `${subTopology}/${partition}` as TaskId;
/** Sub-topology and partition of a task's name. */
export function splitTaskId(task: TaskId): { readonly subTopology: string; readonly partition: number } {
  const slash = task.lastIndexOf("/");
  return { subTopology: task.slice(0, slash), partition: Number(task.slice(slash + 1)) };
}

/** Where a record lies, or where reading goes on. `offset` is a Kafka offset or a Kinesis sequence number (up to 129 decimal digits). */
export type Position = { readonly topic: string; readonly partition: number; readonly offset: bigint };

/** Offset that asks `fetch` for the first record that is still there; where a task begins whose checkpoint has no positions. Never committed. */
export const earliest = -1n;

/**
 * What a topic must be. `retention` is judged by the time of append, never by the records' own times:
 * `time` keeps batches for `ms`; `forever` keeps all; `consumed` (internal topics) keeps what the group that reads it has not committed past.
 */
export type TopicSpec = {
  readonly name: string;
  readonly partitions: number;
  readonly retention: { readonly kind: "time"; readonly ms: number } | { readonly kind: "forever" } | { readonly kind: "consumed" };
};

/**
 * Records of one partition, framed as `record-batch.ts` says; `count` ≥ 1.
 * `watermarks` are control batches of repartition topics: read by tasks, never shown to users.
 */
export type RecordBatch = {
  readonly topic: string;
  readonly partition: number;
  readonly kind: "records" | "watermarks";
  readonly count: number;
  readonly bytes: Uint8Array;
};

/** `at` is the position of the batch's first record; record i of the batch lies at `at.offset + i`. */
export type AppendResult =
  | { readonly kind: "appended"; readonly at: Position }
  /** Not stored; `uncertain`: all or a part of it may be, or turn up yet. */
  | { readonly kind: "retry"; readonly afterMs: number; readonly reason: string; readonly uncertain?: true };

/**
 * A stored batch, or, with `count` 0, the news that there is none. A record's offset is `baseOffset` + its number in the index;
 * offsets have gaps, so nothing computes with their density. `next` is where to read on behind this batch; `end` and `logStart`
 * are those of the partition when it was fetched (`end` = offset of the next record to be written; committed records only).
 */
export type FetchedBatch = {
  readonly topic: string;
  readonly partition: number;
  readonly kind: "records" | "watermarks";
  readonly count: number;
  readonly index: BatchIndex;
  readonly baseOffset: bigint;
  /** Milliseconds since the epoch at which the log took the batch; 0 when `count` is 0. */
  readonly appendedAtMs: number;
  readonly next: bigint;
  readonly end: bigint;
  readonly logStart: bigint;
};

export type FetchLimits = {
  /** Soft bound of the sum of the batches' bytes over the answer; one batch always fits. */
  readonly maxBytes: number;
  /** Soft bound a partition, so that none starves the others. */
  readonly maxBytesPerPartition: number;
  /** How long to wait for the first record when there is none; 0 answers at once. */
  readonly maxWaitMs: number;
};

/** `tasks` are all tasks of the group, the same list from every member. */
export type GroupSpec = {
  readonly group: string;
  readonly member: string;
  readonly tasks: readonly { readonly task: TaskId; readonly inputs: readonly { readonly topic: string; readonly partition: number }[] }[];
};

/** Called one at a time, in the order of events. */
export type MembershipHooks = {
  /**
   * All tasks that this member now owns, with the generation that its commits must carry from now on: take it over before the first await.
   * A member whose promise is rejected leaves the group.
   */
  assigned(tasks: readonly TaskId[], generation: number): Promise<void>;
  /** These leave in good order: the member commits what it has, with the old generation, before the promise settles. Also asked by `leave`. */
  revoking(tasks: readonly TaskId[]): Promise<void>;
  /** These are gone already: drop their state, commit nothing. */
  lost(tasks: readonly TaskId[]): Promise<void>;
  /** The membership is over and will not come back, e.g. since another process has joined under its name: no other hook is called after it. */
  ended(reason: string): void;
};

export type Membership = { leave(): Promise<void> };

/** Entries of one store as `store-delta.ts` frames them: keys with values, deletes and expiries, each dirty key once. */
export type StoreDelta = { readonly store: string; readonly bytes: Uint8Array };

/** `number` is one above the task's last; `next` names every input of the task, moved or not; `meta` holds what else must survive. */
export type TaskCommit = {
  readonly task: TaskId;
  readonly number: bigint;
  readonly next: readonly Position[];
  readonly meta: Uint8Array;
  readonly changes: readonly StoreDelta[];
  readonly outputs: readonly RecordBatch[];
};

/** `watermarks` go behind all outputs of all tasks, so that the marks of one commit take effect together (design: whose time closes a window). */
export type Commit = {
  readonly group: string;
  readonly generation: number;
  readonly tasks: readonly TaskCommit[];
  readonly watermarks: readonly RecordBatch[];
};

/**
 * `written` has, for every partition that the commit wrote to, the offset behind its last record. After `aborted` the same commit may be tried
 * again; after `fenced` what the tasks hold since their last commit is void, and the hooks say what the member owns now.
 */
export type CommitResult =
  | { readonly kind: "committed"; readonly written: readonly Position[] }
  | { readonly kind: "aborted"; readonly reason: string }
  | { readonly kind: "fenced"; readonly reason: string };

/** The last commit of a task; `number` 0n, no positions and empty `meta` when there was none. */
export type TaskCheckpoint = {
  readonly task: TaskId;
  readonly number: bigint;
  readonly next: readonly Position[];
  readonly meta: Uint8Array;
};

/** The gateway's door to the log. */
export interface Appender {
  /**
   * Appends batches, in call order per partition; one answer a batch, given once it is durable.
   * @throws {BrokerError} `BROKER_CLOSED`, `BROKER_UNKNOWN_TOPIC`
   */
  append(batches: readonly RecordBatch[]): Promise<readonly AppendResult[]>;
}

/** An ordered, partitioned log with groups of tasks and atomic commits. Every adapter passes `engine/broker/conformance.ts`. */
export interface Broker extends Appender {
  /** Creates what is missing and verifies the rest; never alters silently, never shrinks. @throws {BrokerError} `BROKER_TOPIC_MISMATCH` */
  ensureTopics(specs: readonly TopicSpec[]): Promise<void>;
  /** Takes part in a group; the first `assigned` comes before the promise settles. A later member takes tasks over by a higher generation. */
  join(group: GroupSpec, hooks: MembershipHooks): Promise<Membership>;
  /**
   * Committed batches from each position on, in order per partition; at least one answer for each position, in the order asked.
   * Stored batches come whole: a position inside of one gets that batch, and the reader skips the records below its position.
   * `count` 0 with `next` < `end` says that the bounds left no room: ask again. Only the log start and above is ever read, offset 0 is no alias
   * for it: what retention has dropped is out of range, unless `earliest` was asked for, which is answered with `next` resolved.
   * The ends of all partitions of one answer are of one moment (embedded) or not older than the call where `next` has reached them (Kafka, Kinesis).
   * @throws {BrokerError} `BROKER_OFFSET_OUT_OF_RANGE`, `BROKER_UNKNOWN_TOPIC`, `BROKER_CLOSED`, `BROKER_TOPIC_MISMATCH` once somebody changed the
   *   partitions of a topic in use
   */
  fetch(positions: readonly Position[], limits: FetchLimits): Promise<readonly FetchedBatch[]>;
  /**
   * The last commit of each task, once none that concerns it is open and the state that belongs to it can be opened: where state lies with the
   * worker, this is what brings it back (which may take minutes), until `signal` says that nobody waits for it any more.
   */
  committed(group: string, tasks: readonly TaskId[], signal?: AbortSignal): Promise<readonly TaskCheckpoint[]>;
  /**
   * Makes positions, meta, changes and outputs of all its tasks durable at once, or none of it; settles unknown outcomes itself by `number`.
   * @throws {BrokerError} `BROKER_CLOSED`; `BROKER_UNKNOWN_TOPIC`, `BROKER_REFUSED`: it would fail each time, and nothing of it is there
   */
  commit(commit: Commit): Promise<CommitResult>;
  /** Waits for what is under way and lets go of the log; calls after it throw `BROKER_CLOSED`. */
  close(): Promise<void>;
}
