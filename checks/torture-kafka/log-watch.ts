import { setTimeout as sleep } from "node:timers/promises";
import { groupOf, type Plan } from "@millrace/engine";
import { committedOffsets } from "#engine/broker/kafka/admin/committed-offsets.ts";
import { listOffsets } from "#engine/broker/kafka/admin/offsets.ts";
import type { ClusterSettings } from "#engine/broker/kafka/wire/cluster.ts";
import { KafkaClient } from "#engine/broker/kafka/wire/kafka-client.ts";
import { topicOf } from "./smoke/plan.ts";
import { until, type Waiting } from "./until.ts";

type Place = { readonly topic: string; readonly partition: number };

/** What can be seen of the pipeline's progress from outside, by the log alone. */
export class LogWatch {
  readonly #client: KafkaClient;
  readonly #plan: Plan;

  constructor(cluster: ClusterSettings, plan: Plan) {
    this.#client = new KafkaClient(cluster, "watch");
    this.#plan = plan;
  }

  /** Settles when everything that lies in `data` now has been read and committed. @throws {Error} not within the deadline */
  async caughtUp({ deadlineMs, check }: Waiting): Promise<void> {
    const places = this.#placesOf(topicOf(this.#plan.name, "data"));
    const begun = performance.now();
    const ends = await listOffsets(this.#client, places, { at: { kind: "high-watermark" }, forMs: deadlineMs });
    const waiting: Waiting = { deadlineMs: deadlineMs - (performance.now() - begun), ...(check && { check }) };
    let last = "";
    await until("what lay in the log is committed", waiting, async () => {
      const committed = await committedOffsets(this.#client, groupOf(this.#plan.name), { partitions: places, forMs: 2000 });
      last = committed.map(({ offset }, i) => `${offset ?? 0n}/${ends[i]!.offset}`).join(" ");
      return committed.every(({ offset }, i) => (offset ?? 0n) >= ends[i]!.offset);
    }).catch((error: unknown) => {
      throw new Error(`${(error as Error).message} (committed of what was there: ${last})`, { cause: error });
    });
  }

  /**
   * Settles when nothing new has come to any output but the ticks for `quietMs`, and everything in every input is committed: or, where inputs end with
   * what was aborted, which nobody has anything to commit of, for five times as long.
   */
  async quiet(quietMs: number, waiting: Waiting): Promise<void> {
    const ticks = topicOf(this.#plan.name, "ticks");
    const places = this.#plan.topics
      .filter(({ name, retention }) => name !== ticks && retention.kind === "forever")
      .flatMap(({ name }) => this.#placesOf(name));
    let seen = "";
    let since = performance.now();
    await until("the outputs come to rest", waiting, async () => {
      const ends = await listOffsets(this.#client, places, { at: { kind: "stable-end" }, forMs: 5000 });
      const now = ends.map(({ offset }) => offset).join(" ");
      if (now !== seen) {
        seen = now;
        since = performance.now();
      }
      await sleep(200);
      const quiet = performance.now() - since;
      return quiet >= 5 * quietMs || (quiet >= quietMs && (await this.#nothingLeft()));
    });
  }

  async #nothingLeft(): Promise<boolean> {
    const inputs = this.#plan.subTopologies.flatMap(({ sources }) => sources.flatMap(({ topic }) => this.#placesOf(topic)));
    const ends = await listOffsets(this.#client, inputs, { at: { kind: "high-watermark" }, forMs: 5000 });
    const committed = await committedOffsets(this.#client, groupOf(this.#plan.name), { partitions: inputs, forMs: 5000 });
    return ends.every(({ offset }, i) => (committed[i]!.offset ?? 0n) >= offset);
  }

  /** Node of the broker that coordinates the workers' group, or the transactions of one of them. */
  async coordinator(kind: "group" | "transaction", key: string): Promise<number> {
    return this.#client.coordinator(kind, key, true);
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  #placesOf(topic: string): Place[] {
    const { partitions } = this.#plan.topics.find(({ name }) => name === topic)!;
    return Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));
  }
}
