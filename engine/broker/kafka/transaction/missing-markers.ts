import type { Position } from "#broker/broker.ts";
import type { Transaction } from "./transaction.ts";
import type { Ending, TransactionalProducer } from "./transactional-producer.ts";

type Place = { readonly topic: string; readonly partition: number };

/**
 * Writes the markers of a transaction where they are missing. Kafka 4 takes a partition that has no leader for deleted and leaves its marker out for good
 * (KRaftMetadataCache.getPartitionLeaderEndpoint): what was aborted there would be committed with the next transaction, what was committed be aborted.
 */
export class MissingMarkers {
  readonly #producer;
  /** Behind the last committed record of ours, by partition. */
  readonly #ends = new Map<string, bigint>();

  constructor(producer: TransactionalProducer) {
    this.#producer = producer;
  }

  committed(written: readonly Position[]): void {
    for (const position of written) this.#ends.set(placeOf(position), position.offset);
  }

  /**
   * After a transaction has ended in which the cluster was away. A commit gets another marker everywhere: nothing of ours is open that should not be
   * committed. After an abort what is open may be what came before it, so that is looked for; without the right to look it is left as it is.
   * @throws {KafkaError} not to be had within `forMs`
   */
  async mend(ending: Ending, { batches, group, offsets }: Transaction, forMs: number): Promise<void> {
    const grouped = offsets.length > 0 ? group : undefined;
    if (ending === "commit") return this.#producer.mark("commit", { partitions: batches, group: grouped }, forMs);
    if (batches.length === 0) return;
    const open = await this.#producer.openAmong(batches, forMs);
    const before = open.filter((position) => position.offset < (this.#ends.get(placeOf(position)) ?? 0n));
    const own = open.filter((position) => !before.includes(position));
    if (before.length > 0) await this.#producer.mark("commit", { partitions: before, group: grouped }, forMs);
    if (own.length > 0) await this.#producer.mark("abort", { partitions: own, group: before.length > 0 ? undefined : grouped }, forMs);
  }
}

const placeOf = ({ topic, partition }: Place): string => `${partition}/${topic}`;
