import { KafkaBatchWriter } from "../codec/batch-writer.ts";
import type { PartitionBatches } from "../produce/partition-batches.ts";
import type { MemberIdentity, Transaction } from "./transaction.ts";

/** A topic to write to, one whose offsets are committed, a group with a member, and a transactional id. */
export type TransactionBench = {
  readonly topic: string;
  readonly source: string;
  readonly group: string;
  readonly id: string;
  member: MemberIdentity;
};

/** Partition 0 gets the texts as one record batch each, and their words as records. */
export function batches(topic: string, ...texts: readonly string[]): PartitionBatches {
  const writer = new KafkaBatchWriter();
  const written = texts.flatMap((text) => {
    for (const word of text.split(" ")) writer.addRecord(null, Buffer.from(word), Date.now());
    return writer.take();
  });
  return { topic, partition: 0, batches: written };
}

/** Both partitions get a record, and so get both offsets. */
export function transactionOf({ topic, source, group, member }: TransactionBench, text: string, offset: bigint): Transaction {
  return {
    batches: [0, 1].map((partition) => ({ ...batches(topic, text), partition })),
    group,
    member,
    offsets: [0, 1].map((partition) => ({ topic: source, partition, offset, metadata: text })),
  };
}
