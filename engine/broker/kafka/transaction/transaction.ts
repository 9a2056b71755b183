import type { Position } from "#broker/broker.ts";
import type { PartitionBatches, WrittenBatches } from "../produce/partition-batches.ts";
import type { KafkaError } from "../wire/kafka-error.ts";

/** The steps of a transaction, in order; what is before `ended` leaves nothing behind. At `ending` the request that ends it is about to be sent. */
export const transactionSteps = ["begun", "produced", "offsets-sent", "ending", "ended"] as const;
export type TransactionStep = (typeof transactionSteps)[number];

/** The member in whose name offsets are committed, as it is now: the group refuses those of another generation (KIP-447). */
export type MemberIdentity = { readonly generationId: number; readonly memberId: string; readonly groupInstanceId: string | null };

/** `offset` is where reading goes on; `metadata` goes with it, at most `offset.metadata.max.bytes` (4096) of it. */
export type OffsetToCommit = { readonly topic: string; readonly partition: number; readonly offset: bigint; readonly metadata: string };

export type Transaction = {
  readonly batches: readonly PartitionBatches[];
  readonly group: string;
  readonly member: MemberIdentity;
  readonly offsets: readonly OffsetToCommit[];
  /** Asked when all is written, before the commit: what it throws aborts the transaction and reaches the caller. */
  readonly confirm?: () => void;
};

/** `written` has, for each partition, the offset behind its last record; `batches` says where each of its batches begins. */
export type Committed = { readonly kind: "committed"; readonly written: readonly Position[]; readonly batches: readonly WrittenBatches[] };

/**
 * - `aborted`: nothing of it is there, nor will be.
 * - `fenced` by `producer`: a successor with the same transactional id is there; final. By `member`: the group refused the offsets; nothing of it is
 *   there, and another transaction in the name of a newer member may follow.
 * - `unknown`: the answer to its commit could not be had, but it has ended since: compare the committed offsets.
 */
export type TransactionOutcome =
  | Committed
  | { readonly kind: "aborted"; readonly error: KafkaError }
  | { readonly kind: "fenced"; readonly by: "producer" | "member"; readonly error: KafkaError }
  | { readonly kind: "unknown"; readonly error: KafkaError };
