import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { protocolAPIsById, protocolAPIsByName } from "@platformatic/kafka";
import type { Address } from "../wire/cluster.ts";
import { ProxiedConnection, type ProxiedRequest, type Verdict } from "./proxied-connection.ts";

export type Loss = {
  /** Kafka's name of the request: `EndTxn`, `Produce`, … */
  readonly api: string;
  /** `undone`: the broker never sees the request. `done`: it does what is asked, and its answer is dropped. The connection is closed either way. */
  readonly outcome: Exclude<Verdict, "pass">;
  /** How many requests meet with it; 1 unless told. */
  readonly times?: number;
};
export type ApiCount = { readonly requests: number; readonly requestBytes: number; readonly answers: number; readonly answerBytes: number };
export type RequestListener = (request: ProxiedRequest) => unknown;

type Node = {
  readonly server: Server;
  readonly port: number;
  readonly connections: Set<ProxiedConnection>;
  address: Address | undefined;
  state: "open" | "cut" | Stall;
};
type Stall = PromiseWithResolvers<void>;
type Order = { readonly key: number; readonly outcome: Loss["outcome"]; left: number };

/**
 * A TCP proxy between clients of ours and a cluster's brokers, which knows requests from answers and does to them what networks do. Plain Kafka
 * only: TLS is closed to it. Bytes pass unchanged and in order, and no more than some 300 KiB a connection and direction wait in it.
 */
export class FaultProxy {
  readonly #nodes: readonly Node[];
  readonly #listeners = { request: new Map<number, Set<RequestListener>>(), answer: new Map<number, Set<RequestListener>>() };
  readonly #counts = new Map<number, { -readonly [name in keyof ApiCount]: number }>();
  #orders: Order[] = [];
  #delayMs = 0;
  #failure: { readonly cause: unknown } | undefined;

  /** Use `startFaultProxy`. */
  constructor(servers: readonly Server[]) {
    this.#nodes = servers.map((server) => ({
      server,
      port: (server.address() as AddressInfo).port,
      connections: new Set(),
      address: undefined,
      state: "open",
    }));
    for (const node of this.#nodes) node.server.on("connection", (socket: Socket) => this.#accept(node, socket));
  }

  /** Where to connect instead of a broker's address; for `ClusterSettings.via`. @throws {RangeError} more addresses than listeners were opened */
  readonly via = (address: Address): Address => ({ host: "127.0.0.1", port: this.#nodeOf(address).port });

  /** The same for another process, in its variable `MILLRACE_KAFKA_VIA`. */
  variable(brokers: readonly Address[]): string {
    return brokers.map((broker) => `${textOf(broker)}=${textOf(this.via(broker))}`).join(",");
  }

  /** How many connections of clients are open. */
  get connections(): number {
    return this.#nodes.reduce((sum, { connections }) => sum + connections.size, 0);
  }

  /** Resets all connections, or those to one broker, and each new one until `heal`. */
  cut(broker?: Address): void {
    for (const node of this.#chosen(broker)) {
      this.#enter(node, "cut");
      for (const connection of node.connections) connection.drop();
    }
  }

  /** Nothing passes any more, to or from all brokers or one, and nobody is told: connections stay open, new ones are taken. */
  stall(broker?: Address): void {
    for (const node of this.#chosen(broker)) this.#enter(node, Promise.withResolvers<void>());
  }

  /** Ends cuts, stalls and delay, of all brokers or of one; what was stalled passes now. */
  heal(broker?: Address): void {
    if (broker === undefined) this.#delayMs = 0;
    for (const node of this.#chosen(broker)) this.#enter(node, "open");
  }

  /** Answers come this much later from now on. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** The next `times` requests of this kind are lost. Answers to what was sent before them on their connection still come; the answer says how many are left. */
  loseAnswer({ api, outcome, times = 1 }: Loss): { readonly left: number } {
    const order = { key: keyOf(api), outcome, left: times };
    this.#orders.push(order);
    return order;
  }

  /** Calls at each request of this kind before any of it is passed on; the request waits for what is returned. Returns what ends it. */
  onRequest(api: string, listener: RequestListener): () => void {
    return listen(this.#listeners.request, keyOf(api), listener);
  }

  /** The same at each answer, before any of it is passed on or dropped: the broker has done what was asked. */
  onAnswer(api: string, listener: RequestListener): () => void {
    return listen(this.#listeners.answer, keyOf(api), listener);
  }

  /** What clients sent and brokers answered since the start or `resetCounts`, by Kafka's names; lost answers count as answers. */
  counts(): Readonly<Record<string, ApiCount>> {
    return Object.fromEntries([...this.#counts].map(([key, count]) => [nameOf(key), { ...count }]));
  }

  resetCounts(): void {
    this.#counts.clear();
  }

  /** Ends everything. @throws what a listener threw, or that something other than Kafka was spoken */
  async close(): Promise<void> {
    this.cut();
    await Promise.all(this.#nodes.map(({ server }) => new Promise((closed) => server.close(closed))));
    if (this.#failure !== undefined) throw new Error("a connection failed in the fault proxy", this.#failure);
  }

  #accept(node: Node, client: Socket): void {
    if (node.state === "cut" || node.address === undefined) {
      client.on("error", () => undefined).resetAndDestroy();
      return;
    }
    const broker = connect({ ...node.address, allowHalfOpen: true });
    const rules = {
      delayMs: () => this.#delayMs,
      open: () => (typeof node.state === "object" ? node.state.promise : undefined),
      judge: (request: ProxiedRequest) => this.#judge(request),
      answered: (request: ProxiedRequest, bytes: number) => this.#answered(request, bytes),
      failed: (cause: unknown) => {
        this.#failure ??= { cause };
      },
      closed: () => void node.connections.delete(connection),
    };
    const connection = new ProxiedConnection(client, broker, { node: node.address, rules });
    node.connections.add(connection);
  }

  async #judge(request: ProxiedRequest): Promise<Verdict> {
    const count = this.#countOf(request.api);
    count.requests++;
    count.requestBytes += request.bytes;
    for (const listener of this.#listeners.request.get(request.api) ?? []) await listener(request);
    const order = this.#orders.find(({ key }) => key === request.api);
    if (order === undefined) return "pass";
    order.left--;
    this.#orders = this.#orders.filter(({ left }) => left > 0);
    return order.outcome;
  }

  async #answered(request: ProxiedRequest, bytes: number): Promise<void> {
    const count = this.#countOf(request.api);
    count.answers++;
    count.answerBytes += bytes;
    for (const listener of this.#listeners.answer.get(request.api) ?? []) await listener(request);
  }

  #countOf(key: number): { -readonly [name in keyof ApiCount]: number } {
    const count = this.#counts.get(key) ?? { requests: 0, requestBytes: 0, answers: 0, answerBytes: 0 };
    this.#counts.set(key, count);
    return count;
  }

  #enter(node: Node, state: Node["state"]): void {
    const before = node.state;
    node.state = state;
    if (typeof before === "object") before.resolve();
  }

  #chosen(broker: Address | undefined): readonly Node[] {
    return broker === undefined ? this.#nodes : [this.#nodeOf(broker)];
  }

  #nodeOf({ host, port }: Address): Node {
    const known = this.#nodes.find(({ address }) => address?.host === host && address.port === port);
    const node = known ?? this.#nodes.find(({ address }) => address === undefined);
    if (node === undefined) throw new RangeError(`${textOf({ host, port })} is one broker more than the proxy was started for`);
    node.address ??= { host, port };
    return node;
  }
}

/** @param addresses how many brokers' addresses it can stand for; their ports are opened now, since `via` answers at once */
export async function startFaultProxy({ addresses = 12 }: { readonly addresses?: number } = {}): Promise<FaultProxy> {
  const servers = Array.from({ length: addresses }, () => createServer({ allowHalfOpen: true }));
  await Promise.all(
    servers.map(
      (server) =>
        new Promise<void>((listening, failed) => {
          server.once("error", failed).listen({ port: 0, host: "127.0.0.1", backlog: 1024 }, listening);
        }),
    ),
  );
  return new FaultProxy(servers);
}

const textOf = ({ host, port }: Address): string => `${host.includes(":") ? `[${host}]` : host}:${port}`;
const nameOf = (key: number): string => protocolAPIsById[key] ?? `Api${key}`;

function keyOf(api: string): number {
  const key = protocolAPIsByName[api];
  if (key === undefined) throw new RangeError(`Kafka has no request ${api}`);
  return key;
}

function listen(listeners: Map<number, Set<RequestListener>>, key: number, listener: RequestListener): () => void {
  const set = listeners.get(key) ?? new Set();
  listeners.set(key, set.add(listener));
  return () => void set.delete(listener);
}
