import {
  type API,
  apiVersionsV3,
  type Connection,
  createAPI,
  findCoordinatorV4,
  metadataV12,
  type ResponseParser,
  type Writer,
} from "./kafka-library.ts";
import type { Address, ClusterSettings, Metadata, Topic } from "./cluster.ts";
import { Connections } from "./connections.ts";
import { asKafkaError, errorId, KafkaError, network } from "./kafka-error.ts";

export type CoordinatorKind = "group" | "transaction";
const coordinatorKinds = { group: 0, transaction: 1 } as const;

/** One request, as its creator and parser make it; `key` and `version` as the protocol numbers them. */
export type Request<R> = {
  readonly key: number;
  readonly version: number;
  readonly payload: () => Writer;
  readonly parse: ResponseParser<R>;
};

/**
 * Connections to the nodes of a cluster for one role, and what is known of its topics and coordinators. A broker serves one request of a connection
 * at a time, so a role that waits (fetching, group) has a client of its own. Nothing is retried here: see `persist.ts`.
 */
export class KafkaClient {
  readonly #bootstrap;
  readonly #connections;
  readonly #topics = new Map<string, Topic>();
  readonly #coordinators = new Map<string, Promise<number>>();
  #nodes: ReadonlyMap<number, Address> = new Map();
  #controller = -1;
  #closed = false;

  constructor(settings: ClusterSettings, role: string, { requestTimeoutMs = 30_000 }: { readonly requestTimeoutMs?: number } = {}) {
    this.#bootstrap = settings.bootstrap;
    this.#connections = new Connections(settings, `${settings.clientId}-${role}`, requestTimeoutMs);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Sends a request to a node, or to any of them, once. @throws {KafkaError} */
  async send<R>(node: number | "any", request: Request<R>, doing: string): Promise<R> {
    const connection = await this.#connect(node, doing);
    try {
      return await new Promise<R>((settle, reject) => {
        const { key, version, payload, parse } = request;
        connection.send(key, version, payload, parse, true, true, (error, answer) => {
          if (error === null) settle(answer as R);
          else reject(error);
        });
      });
    } catch (error) {
      throw this.#closed ? new KafkaError(`${doing}: the client is closed`, ["CLOSED"], error) : asKafkaError(error, doing);
    }
  }

  /** Sends one of the library's requests, e.g. `metadataV12.api`. @throws {KafkaError} */
  async ask<A extends unknown[], R>(node: number | "any", api: API<A, R>, args: A, doing: string): Promise<R> {
    const connection = await this.#connect(node, doing);
    try {
      return await api.async(connection, ...args);
    } catch (error) {
      throw this.#closed ? new KafkaError(`${doing}: the client is closed`, ["CLOSED"], error) : asKafkaError(error, doing);
    }
  }

  /** Asks the cluster what it is now; topics that do not exist are left out. @throws {KafkaError} */
  async metadata(topics: readonly string[]): Promise<Metadata> {
    const answer = await this.ask("any", metadataV12.api, [[...topics], false, false], "metadata").catch((error: unknown) => {
      // One topic that does not exist makes the library throw the answer for all.
      if (error instanceof KafkaError && error.answer !== undefined)
        return error.answer as Awaited<ReturnType<typeof metadataV12.api.async>>;
      throw error;
    });
    this.#nodes = new Map(answer.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]));
    this.#controller = answer.controllerId;
    for (const { name, topicId, errorCode, partitions } of answer.topics) {
      if (typeof name !== "string") continue;
      this.#topics.delete(name);
      const id = errorId(errorCode);
      if (id === "UNKNOWN_TOPIC_OR_PARTITION") continue;
      if (id !== "NONE") throw new KafkaError(`metadata of ${name}: ${id}`, [id]);
      const sorted = partitions.toSorted((a, b) => a.partitionIndex - b.partitionIndex);
      this.#topics.set(name, {
        name,
        id: topicId,
        partitions: sorted.map(({ leaderId, leaderEpoch, replicaNodes }) => ({ leader: leaderId, leaderEpoch, replicas: replicaNodes })),
      });
    }
    const asked = new Set(topics);
    return {
      id: answer.clusterId ?? "",
      controller: this.#controller,
      nodes: this.#nodes,
      topics: new Map([...this.#topics].filter(([name]) => asked.has(name))),
    };
  }

  /** What is known of a topic, asked for when it is not known or `refresh` says so; undefined when it does not exist. @throws {KafkaError} */
  async topic(name: string, refresh = false): Promise<Topic | undefined> {
    if (refresh || !this.#topics.has(name)) await this.metadata([name]);
    return this.#topics.get(name);
  }

  /** What was known of a topic last, without asking. */
  known(name: string): Topic | undefined {
    return this.#topics.get(name);
  }

  /** The node that leads a partition. @throws {KafkaError} `LEADER_NOT_AVAILABLE`, `UNKNOWN_TOPIC_OR_PARTITION` */
  async leader(topic: string, partition: number, refresh = false): Promise<number> {
    const found = (await this.topic(topic, refresh))?.partitions[partition];
    if (found === undefined) throw new KafkaError(`${topic}[${partition}] does not exist`, ["UNKNOWN_TOPIC_OR_PARTITION"]);
    if (found.leader < 0) {
      this.#topics.delete(topic);
      throw new KafkaError(`${topic}[${partition}] has no leader now`, ["LEADER_NOT_AVAILABLE"]);
    }
    return found.leader;
  }

  /** The node that keeps a group or the transactions of a transactional id. @throws {KafkaError} */
  async coordinator(kind: CoordinatorKind, key: string, refresh = false): Promise<number> {
    const name = `${kind} ${key}`;
    const known = refresh ? undefined : this.#coordinators.get(name);
    if (known !== undefined) return known;
    const asked = this.#findCoordinator(kind, key);
    this.#coordinators.set(name, asked);
    asked.catch(() => {
      if (this.#coordinators.get(name) === asked) this.#coordinators.delete(name);
    });
    return asked;
  }

  async controller(refresh = false): Promise<number> {
    if (refresh || this.#controller < 0) await this.metadata([]);
    return this.#controller;
  }

  /** Level of a finalized feature of the cluster, e.g. `transaction.version`; 0 when it has none. @throws {KafkaError} */
  async finalizedFeature(name: string): Promise<number> {
    const { finalizedFeatures = [] } = await this.ask("any", apiVersionsV3.api, ["millrace", "0"], "features");
    return finalizedFeatures.find((feature) => feature.name === name)?.maxVersionLevel ?? 0;
  }

  /** Ends all connections; requests under way fail with `CLOSED`. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#connections.close();
  }

  async #findCoordinator(kind: CoordinatorKind, key: string): Promise<number> {
    const doing = `coordinator of ${kind} ${key}`;
    const answer = await this.ask("any", findCoordinatorV4.api, [coordinatorKinds[kind], [key]], doing);
    const found = answer.coordinators[0];
    const id = found === undefined ? "COORDINATOR_NOT_AVAILABLE" : errorId(found.errorCode);
    if (found === undefined || id !== "NONE") throw new KafkaError(`${doing}: ${id}`, [id]);
    this.#nodes = new Map([...this.#nodes, [found.nodeId, { host: found.host, port: found.port }]]);
    return found.nodeId;
  }

  async #connect(node: number | "any", doing: string): Promise<Connection> {
    if (this.#closed) throw new KafkaError(`${doing}: the client is closed`, ["CLOSED"]);
    try {
      if (node !== "any") {
        const address = this.#nodes.get(node) ?? (await this.metadata([])).nodes.get(node);
        if (address === undefined) throw new KafkaError(`${doing}: node ${node} is not in the cluster now`, [network]);
        return await this.#connections.to(address);
      }
      // Nodes that were met come first: those of the bootstrap list may be gone for good.
      return await this.#connections.toAny([...this.#nodes.values(), ...this.#bootstrap]);
    } catch (error) {
      throw asKafkaError(error, doing);
    }
  }
}

/** A request of a newer version with the bytes of an older one, or with a parser of our own. */
export const request = createAPI;
