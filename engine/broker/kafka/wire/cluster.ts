import type { ConnectionOptions } from "./kafka-library.ts";

export type Address = { readonly host: string; readonly port: number };

/** `host`, `host:port`, `[::1]:port`; undefined when it is none. */
export function parseAddress(text: string, defaultPort: number): Address | undefined {
  const [, bracketed, plain, port = String(defaultPort)] = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  return host === undefined || Number(port) < 1 || Number(port) > 65_535 ? undefined : { host, port: Number(port) };
}

/** How a Kafka cluster is reached. */
export type ClusterSettings = {
  readonly bootstrap: readonly Address[];
  /** What stands before the role in client ids, as brokers log them. */
  readonly clientId: string;
  readonly tls?: ConnectionOptions["tls"];
  readonly sasl?: ConnectionOptions["sasl"];
  /**
   * Where to connect for a broker's advertised address, where that is another one: a port that is forwarded, a proxy. A map (by `host:port`) reaches
   * threads too, which a function cannot.
   */
  readonly via?: ((advertised: Address) => Address) | ReadonlyMap<string, Address>;
};

/** Where to connect for a broker's advertised address. */
export function reachedAt({ via }: Pick<ClusterSettings, "via">, advertised: Address): Address {
  if (typeof via === "function") return via(advertised);
  return via?.get(`${advertised.host}:${advertised.port}`) ?? advertised;
}

export type Partition = { readonly leader: number; readonly leaderEpoch: number; readonly replicas: readonly number[] };
/** `id` is Kafka's topic id: a topic that is deleted and made again has another one. */
export type Topic = { readonly name: string; readonly id: string; readonly partitions: readonly Partition[] };

export type Metadata = {
  /** What the cluster calls itself: another cluster has another one, whatever its address. */
  readonly id: string;
  readonly controller: number;
  readonly nodes: ReadonlyMap<number, Address>;
  /** Topics that were asked for and exist. */
  readonly topics: ReadonlyMap<string, Topic>;
};
