import { batchOf } from "../produce/seal-for-now.ts";
import { committedOffsets } from "../admin/committed-offsets.ts";
import { readCommitted } from "../proving/independent-readers.ts";
import { createTopic, openClient, uniqueName } from "../proving/kafka-test.ts";
import { joinRaw, type RawMember } from "../proving/raw-member.ts";
import type { ClusterSettings } from "../wire/cluster.ts";
import type { PartitionBatches } from "../produce/partition-batches.ts";
import type { Transaction } from "./transaction.ts";
import { TransactionManager, type TransactionSettings } from "./transaction-manager.ts";

/** A topic to write to, one whose offsets are committed, a group with a member, and a transactional id: all unused before. */
export type TransactionBench = {
  readonly topic: string;
  readonly source: string;
  readonly group: string;
  readonly id: string;
  member: RawMember;
};

export async function transactionBench({
  partitions = 2,
  configs = {},
}: { partitions?: number; configs?: Record<string, string> } = {}): Promise<TransactionBench> {
  const [topic, source] = await Promise.all([createTopic("written", partitions, configs), createTopic("source", 2)]);
  const group = uniqueName("group");
  return { topic, source, group, id: uniqueName("producer"), member: await joinRaw(openClient("member"), group) };
}

export type ManagerOptions = Partial<Omit<TransactionSettings, "client">> &
  Pick<ClusterSettings, "via"> & { readonly requestTimeoutMs?: number };

/** A manager with a client of its own; not open yet. */
export function managerOf(
  bench: TransactionBench,
  { via, requestTimeoutMs = 10_000, ...settings }: ManagerOptions = {},
): TransactionManager {
  const client = openClient("transaction", { requestTimeoutMs, ...(via && { via }) });
  return new TransactionManager({ client, transactionalId: bench.id, timeoutMs: 30_000, ...settings });
}

/** Partition 0 gets the texts as one record batch each. */
export const batches = (topic: string, ...texts: readonly string[]): PartitionBatches => ({
  topic,
  partition: 0,
  batches: texts.map((text) => batchOf(...text.split(" "))),
});

/** Both partitions get a record, and so get both offsets. */
export function transactionOf({ topic, source, group, member }: TransactionBench, text: string, offset: bigint): Transaction {
  return {
    batches: [0, 1].map((partition) => ({ ...batches(topic, text), partition })),
    group,
    member,
    offsets: [0, 1].map((partition) => ({ topic: source, partition, offset, metadata: text })),
  };
}

/** What a read_committed consumer finds, `partition:value` in order; and what a successor would go on from. */
export async function seen({ topic, source, group }: TransactionBench): Promise<{ values: string[]; offsets: string[] }> {
  const partitions = [0, 1].map((partition) => ({ topic: source, partition }));
  const offsets = await committedOffsets(openClient("offsets"), group, { partitions, forMs: 5000 });
  const records = await readCommitted(topic);
  return {
    values: records.map(({ partition, value }) => `${partition}:${value?.toString() ?? ""}`),
    offsets: offsets.map(({ offset, metadata }) => (offset === undefined ? "none" : `${offset} ${metadata}`)),
  };
}
