import { describeTransactionsV0 } from "@platformatic/kafka";
import { committedOffsets } from "../admin/committed-offsets.ts";
import { readCommitted } from "../proving/independent-readers.ts";
import { bootstrapText, createTopic, openClient, uniqueName } from "../proving/kafka-test.ts";
import { joinRaw } from "../proving/raw-member.ts";
import type { ClusterSettings } from "../wire/cluster.ts";
import type { KafkaClient } from "../wire/kafka-client.ts";
import { TransactionManager, type TransactionSettings } from "./transaction-manager.ts";
import type { TransactionBench } from "./transaction-samples.ts";

type BenchOptions = { readonly partitions?: number; readonly configs?: Record<string, string> };

/** All of it unused before, and the member joined. */
export async function transactionBench({ partitions = 2, configs = {} }: BenchOptions = {}): Promise<TransactionBench> {
  const [topic, source] = await Promise.all([createTopic("written", partitions, configs), createTopic("source", 2)]);
  const group = uniqueName("group");
  return { topic, source, group, id: uniqueName("producer"), member: await joinRaw(openClient("member"), group, { sessionMs: 600_000 }) };
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

/** What a read_committed consumer finds, `partition:value` in order; and what a successor would go on from. */
export async function seen({ topic, source, group }: TransactionBench): Promise<{ values: string[]; offsets: string[] }> {
  const partitions = [0, 1].map((partition) => ({ topic: source, partition }));
  const offsets = await committedOffsets(openClient("offsets"), group, { partitions, forMs: 5000 });
  const records = await readCommitted(bootstrapText(), topic);
  return {
    values: records.map(({ partition, value }) => `${partition}:${value?.toString() ?? ""}`),
    offsets: offsets.map(({ offset, metadata }) => (offset === undefined ? "none" : `${offset} ${metadata}`)),
  };
}

/** What its coordinator says of a transactional id: `Empty`, `Ongoing`, `CompleteAbort`, … */
export async function transactionState(client: KafkaClient, id: string): Promise<string | undefined> {
  const node = await client.coordinator("transaction", id, true);
  const answer = await client.ask(node, describeTransactionsV0.api, [[id]], `state of ${id}`);
  return answer.transactionStates[0]?.transactionState;
}
