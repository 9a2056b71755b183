import { BrokerError } from "#broker/broker-error.ts";
import { asBrokerError } from "./as-broker-error.ts";
import type { ClusterSettings } from "./wire/cluster.ts";
import { KafkaClient } from "./wire/kafka-client.ts";
import { persist } from "./wire/persist.ts";

const answerWithinMs = 3000;

/** Asks whether a cluster answers, by a connection of its own, for those who must say so. */
export class ClusterProbe {
  readonly #cluster: ClusterSettings;
  readonly #client: KafkaClient;

  constructor(cluster: ClusterSettings) {
    this.#cluster = cluster;
    this.#client = new KafkaClient(cluster, "probe", { requestTimeoutMs: answerWithinMs });
  }

  /**
   * How many nodes the cluster has, and the id that it gave itself, asked again for `forMs` while none answers.
   * @throws {BrokerError} `BROKER_UNREACHABLE` nobody answered in time; `BROKER_REFUSED` somebody did, and refused
   */
  async ask(forMs: number, signal?: AbortSignal): Promise<{ readonly nodes: number; readonly cluster: string }> {
    try {
      const { nodes, id } = await persist("is it there", { forMs, signal }, () => this.#client.metadata([]));
      return { nodes: nodes.size, cluster: id };
    } catch (thrown) {
      const error = asBrokerError(thrown);
      if (!(error instanceof BrokerError) || error.code !== "BROKER_UNREACHABLE") throw error;
      const brokers = this.#cluster.bootstrap.map(({ host, port }) => `${host}:${port}`).join(", ");
      throw new BrokerError("BROKER_UNREACHABLE", `no broker answers at ${brokers}: ${error.message}`, { retryable: true, cause: error });
    }
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}
