import { BrokerError } from "#broker/broker-error.ts";
import type { TopicSpec } from "#broker/broker.ts";
import type { KafkaClient } from "../wire/kafka-client.ts";
import { neverRepartitioned } from "./topic-settings.ts";

/**
 * Sees when somebody changes the number of partitions of topics that are in use. Kafka tells nobody; new partitions would be written by others and
 * read by no task, and the same key would lie in two. Asked about now and then, by who reads anyway.
 */
export class PartitionWatch {
  readonly #client;
  readonly #everyMs;
  readonly #expected = new Map<string, number>();
  #lastMs = performance.now();
  #found: BrokerError | undefined;

  constructor(client: KafkaClient, everyMs: number) {
    this.#client = client;
    this.#everyMs = everyMs;
  }

  /** They were verified a moment ago. */
  expect(specs: readonly TopicSpec[]): void {
    for (const { name, partitions } of specs) this.#expected.set(name, partitions);
    this.#found = undefined;
  }

  /** @throws {BrokerError} `BROKER_TOPIC_MISMATCH` once a change was seen */
  refuse(): void {
    if (this.#found !== undefined) throw this.#found;
    if (performance.now() - this.#lastMs < this.#everyMs || this.#expected.size === 0) return;
    this.#lastMs = performance.now();
    // A cluster that does not answer has changed nothing that could be read.
    void this.#ask().catch(() => undefined);
  }

  async #ask(): Promise<void> {
    const { topics } = await this.#client.metadata([...this.#expected.keys()]);
    const changed = [...this.#expected].flatMap(([name, expected]) => {
      const present = topics.get(name)?.partitions.length ?? expected;
      return present === expected ? [] : [`topic "${name}" has ${present} partitions now and had ${expected}. ${neverRepartitioned}`];
    });
    if (changed.length > 0) this.#found = new BrokerError("BROKER_TOPIC_MISMATCH", changed.join("\n"));
  }
}
