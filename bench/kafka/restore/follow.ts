import { keyTextOf, partitionOf } from "@millrace/engine";
import { listOffsets } from "../../../engine/broker/kafka/admin/offsets.ts";
import { Fetcher } from "../../../engine/broker/kafka/fetch/fetcher.ts";
import type { KafkaClient } from "../../../engine/broker/kafka/wire/kafka-client.ts";
import { clusterAt } from "../clients.ts";
import { partitions, topics } from "./job.ts";

/** `task` is the partition of the input that its key lies in. */
export type Arrival = { readonly at: number; readonly task: number };

const limits = { maxBytes: 1 << 20, maxBytesPerPartition: 1 << 20, maxWaitMs: 100 };

/** Reads the committed records of the output as they come, from the end on, and notes when (`Date.now`). */
export class Follower {
  readonly arrivals: Arrival[] = [];
  readonly #fetcher: Fetcher;
  #ended = false;
  #following: Promise<void> = Promise.resolve();

  private constructor(bootstrap: string) {
    this.#fetcher = new Fetcher(clusterAt(bootstrap));
  }

  static async start(bootstrap: string, client: KafkaClient): Promise<Follower> {
    const follower = new Follower(bootstrap);
    const found = await client.topic(topics.output, true);
    const places = found!.partitions.map((_, partition) => ({ topic: topics.output, partition }));
    const ends = await listOffsets(client, places, { at: { kind: "stable-end" } });
    follower.#following = follower.#follow(new Map(ends.map(({ partition, offset }) => [partition, offset])));
    return follower;
  }

  async stop(): Promise<void> {
    this.#ended = true;
    await this.#following;
    await this.#fetcher.close();
  }

  async #follow(next: Map<number, bigint>): Promise<void> {
    while (!this.#ended) {
      const positions = [...next].map(([partition, offset]) => ({ topic: topics.output, partition, offset }));
      for (const batch of await this.#fetcher.fetch(positions, limits)) {
        next.set(batch.partition, batch.next);
        const at = Date.now();
        const tasks = new Set(Array.from({ length: batch.index.count }, (_, i) => partitionOf(keyTextOf(batch.index, i)!, partitions)));
        for (const task of tasks) this.arrivals.push({ at, task });
      }
    }
  }
}
