import type { Logger } from "pino";
import { collectDefaultMetrics, Registry } from "prom-client";
import { type ClusterSettings, groupOf, type KafkaLog, LetterDesk, letterJournalOf, openKafka, type TopicSpec } from "@millrace/engine";
import { createConsole } from "#console/console.ts";
import { loopbackHosts } from "#gateway/front-door.ts";
import { createGateway, type Gateway } from "#gateway/gateway.ts";
import { type RunningServer, startServer } from "#gateway/server.ts";
import { createHandbook } from "#handbook/handbook.ts";
import { catalogueOf } from "#queries/catalogue.ts";
import { ClusterAnswerer } from "#queries/cluster/cluster-answerer.ts";
import { ClusterStreams } from "#queries/cluster/cluster-streams.ts";
import { createShareRoute, type OwnerNews } from "#queries/cluster/share-http.ts";
import { answerLetters } from "#queries/letters/answer-letters.ts";
import { createLetterRoutes } from "#queries/letters/letter-routes.ts";
import { settlingRight } from "#queries/letters/settling-right.ts";
import type { Across } from "#queries/cluster/shown-across.ts";
import { createQueries } from "#queries/queries.ts";
import { Streams } from "#queries/stream/streams.ts";
import { type Inspector, lettersOf } from "#queries/topology/inspector.ts";
import { createTopologyRoutes } from "#queries/topology/topology-routes.ts";
import { stateOf } from "#queries/topology/topology-state.ts";
import type { Compiled } from "#topology/compile-topology.ts";
import { countReaders } from "../engine/count-readers.ts";
import { addDiskMetrics } from "../engine/disk-metrics.ts";
import { EngineFailure } from "../engine/engine-failure.ts";
import { isLoopback } from "./instance.ts";
import { type KafkaState, KafkaWatch } from "./kafka-watch.ts";
import { mergeScrapes } from "./merge-scrapes.ts";
import type { RunOptions } from "./options.ts";
import { readinessOf } from "./readiness.ts";
import { createRetentionRoute } from "./retention-route.ts";
import type { RunCode } from "./run-codes.ts";
import { TaskOwners } from "./task-owners.ts";
import { within } from "./stop-within.ts";
import { replicationOf, topicsOf } from "./topics.ts";
import type { WorkerHost } from "./worker-host.ts";
import { endpointOf, membersOf, workerSettings } from "./worker-settings.ts";

export type RunParts = {
  readonly compiled: Compiled;
  /** The text it was compiled of. */
  readonly text: string;
  readonly cluster: ClusterSettings;
  readonly instance: string;
  readonly key: string | undefined;
  readonly logger: Logger;
  /** Gives the start up. */
  readonly signal: AbortSignal;
  /** One for each worker, to be started. */
  readonly threads: readonly WorkerHost[];
};

/** One process of a topology on Kafka: HTTP on this thread, each worker in a thread of its own. */
export class RunningProcess {
  readonly #options: RunOptions;
  readonly #parts: RunParts;
  readonly #watch: KafkaWatch;
  readonly #failed = Promise.withResolvers<EngineFailure>();
  readonly #registry = new Registry();
  #log: KafkaLog | undefined;
  #desk: LetterDesk | undefined;
  #gateway: Gateway | undefined;
  #server: RunningServer | undefined;
  #workers: readonly WorkerHost[] = [];
  #owners: TaskOwners | undefined;
  #streams: Streams | undefined;
  /** Id of the cluster. */
  #cluster = "";

  constructor(options: RunOptions, parts: RunParts) {
    this.#options = options;
    this.#parts = parts;
    const changed = (state: KafkaState): void => {
      this.#gateway?.setReady("kafka", { ready: !state.away, detail: state.away ? state.why : "reached" });
      this.#gateway?.setLogAway(state.away ? "Kafka does not answer; nothing of this was stored" : undefined);
    };
    if (parts.threads.some(({ settings }) => settings !== undefined)) this.#workers = parts.threads;
    this.#watch = new KafkaWatch(parts.cluster, { logger: parts.logger, changed });
  }

  get url(): string {
    return this.#server!.url;
  }

  /** Settles when a worker has failed; never, when all is well. */
  get failed(): Promise<EngineFailure> {
    return this.#failed.promise;
  }

  /** Settles when every worker has its first tasks open; never, when one fails before. */
  get ready(): Promise<unknown> {
    return Promise.all(this.#workers.map(({ joined }) => joined));
  }

  /**
   * 1. the cluster answers  2. the topics are there  3. HTTP listens, unready  4. the workers join, if they were not started before
   * @throws {BrokerError} of Kafka @throws {Error} `EADDRINUSE` @throws the reason of `signal`
   */
  async start(): Promise<void> {
    const { connectMs, retention, minIsr } = this.#options;
    const { compiled, cluster, signal, logger } = this.#parts;
    logger.debug({ event: "run.loaded" }, "the code is loaded, the topology compiled");
    signal.throwIfAborted();
    const { nodes, cluster: clusterId } = await this.#watch.begin(connectMs, signal);
    this.#cluster = clusterId;
    logger.debug({ event: "run.cluster-reached" }, "the cluster answers");
    const replicas = replicationOf(this.#options, nodes);
    // Its state is nobody's: it appends, makes topics and settles letters, and has no tasks of the topology.
    const topics = { replication: replicas, ...(minIsr === undefined ? {} : { minIsr }) };
    this.#log = openKafka({ cluster, stateFile: ":memory:", topics });
    const specs = topicsOf(compiled.plan, retention);
    await this.#log.broker.ensureTopics([...specs, letterJournalOf(compiled.plan.name)]);
    this.#desk = this.#openDesk(this.#log, specs);
    signal.throwIfAborted();
    logger.debug({ event: "run.topics-verified" }, "the topics are as they shall be");
    this.#gateway = this.#makeGateway(new Map(specs.map(({ name, partitions }) => [name, partitions])));
    this.#gateway.app.route("/", createRetentionRoute(specs));
    this.#mountQueries(this.#gateway);
    const { listener, limits } = this.#gateway;
    this.#server = await startServer({ listener, limits, host: this.#options.host, port: this.#options.port });
    logger.debug({ event: "run.listening", url: this.url }, "HTTP listens");
    this.#workers = this.#startWorkers();
  }

  /**
   * Lets nothing new in, finishes what was let in, commits, gives the tasks back, closes; false when that could not be done within the time:
   * what was not committed is then done again by whoever has the tasks next, and what was not acknowledged is sent again by its senders.
   */
  async stop(withinMs: number): Promise<boolean> {
    const inTime = await within(withinMs, this.#stopped());
    if (!inTime) await Promise.all(this.#workers.map((worker) => worker.kill()));
    return inTime;
  }

  async #stopped(): Promise<void> {
    // The workers go on meanwhile: what is let in now may be what somebody waits for. Nobody was, where nothing listened.
    if (this.#server !== undefined) await this.#gateway?.close();
    await this.#streams?.drain();
    await Promise.all(this.#workers.map((worker) => worker.stop()));
    await this.#watch.close();
    await this.#desk?.close().catch(() => undefined);
    await this.#log?.close();
    await this.#server?.close();
  }

  #makeGateway(partitions: ReadonlyMap<string, number>): Gateway {
    const { key, logger } = this.#parts;
    const { advertise, host } = this.#options;
    const gateway = createGateway({
      appender: this.#log!.broker,
      access:
        key === undefined || key === ""
          ? { kind: "open" }
          : { kind: "keys", keys: [{ name: "MILLRACE_KEY", secret: key, developer: true }] },
      logger: logger.child({ room: "gateway" }),
      registry: this.#registry,
      dependencies: ["kafka", ...this.#members, ...(this.#hasSinks ? ["sinks"] : [])],
      duplicates: { on: this.#options.duplicates },
      partitions,
      takesEvents: this.#options.gateway,
      hosts: isLoopback(host) ? [...loopbackHosts, host, ...(advertise === undefined ? [] : [advertise.host])] : "any",
    });
    gateway.setReady("kafka", { ready: true, detail: "reached" });
    collectDefaultMetrics({ register: this.#registry });
    addDiskMetrics(this.#registry, this.#options.state);
    gateway.app.get("/metrics", async (c) => {
      const scrapes = await Promise.all([this.#registry.metrics(), ...this.#workers.map((worker) => worker.metrics())]);
      return c.text(mergeScrapes(scrapes), 200, { "Content-Type": this.#registry.contentType });
    });
    gateway.app.route("/", createConsole());
    return gateway;
  }

  get #hasSinks(): boolean {
    return this.#options.sinks && this.#parts.compiled.deliveries.length > 0;
  }

  get #members(): readonly string[] {
    return membersOf(this.#parts.instance, this.#options);
  }

  #startWorkers(): readonly WorkerHost[] {
    const { text } = this.#parts;
    const endpoint = endpointOf(this.#options, this.#server!.port);
    const { logger } = this.#parts;
    const news: OwnerNews = {
      away: (owner, error) => logger.warn({ event: "queries.owner-away", owner, err: error }, "an owner of tasks is not reached"),
      back: (owner) => logger.info({ event: "queries.owner-back", owner }, "an owner of tasks is reached again"),
    };
    const owners = (this.#owners = new TaskOwners({ group: this.#group, endpoint, news }));
    return this.#members.map((member, n) => {
      const worker = this.#parts.threads[n]!;
      if (worker.settings === undefined) worker.start(workerSettings(this.#options, { member, text, endpoint }));
      else if (worker.settings.topology.text !== text) throw fileChanged();
      worker.hear({
        status: (status) => this.#gateway!.setReady(member, readinessOf(status)),
        owners: (told) => owners.take(told),
        sinks: (detail) => this.#gateway!.setReady("sinks", { ready: true, detail }),
      });
      void worker.failed.then((failure) => {
        this.#gateway!.setReady(member, { ready: false, detail: `${failure.code} ${failure.message}` });
        this.#failed.resolve(failure);
      });
      owners.addLocal(member, worker.queries);
      return worker;
    });
  }

  get #group(): string {
    return groupOf(this.#parts.compiled.plan.name);
  }

  #mountQueries(gateway: Gateway): void {
    const { compiled, key, logger } = this.#parts;
    const onError = (error: unknown): void => logger.error({ event: "queries.bug", err: error }, "a query could not be answered");
    const answerer = new ClusterAnswerer({
      plan: compiled.plan,
      queries: compiled.queries,
      ownerOf: (subTopology, partition) => this.#owners?.ownerOf(subTopology, partition),
      ends: (partitions) => this.#log!.broker.ends(partitions),
    });
    gateway.app.route("/", createShareRoute({ group: this.#group, local: (member) => this.#owners?.local(member), onError }));
    const streams = (this.#streams = this.#makeStreams(onError));
    const catalogue = catalogueOf(compiled.queries, compiled.plan);
    gateway.app.route("/", createQueries({ catalogue, answerer, streams, onError }));
    const guard = gateway.guard("dead letters");
    gateway.app.route("/", createTopologyRoutes({ graph: compiled.graph, inspector: this.#inspector, guard, onError }));
    const ask: Inspector["letters"] = (asked, signal) => this.#inspector.letters(asked, signal);
    gateway.app.route(
      "/",
      createLetterRoutes({ graph: compiled.graph, ask, guard, right: settlingRight(this.#options.host, key), onError }),
    );
    gateway.app.route(
      "/",
      createHandbook({
        topology: compiled.plan.name,
        catalogue,
        limits: gateway.limits,
        keyed: key !== undefined && key !== "",
        takesEvents: this.#options.gateway,
        streamed: true,
        routes: () => gateway.app.routes,
      }),
    );
  }

  /** Letters are settled on this thread. Kafka keeps records by their own times. [RD1] */
  #openDesk({ broker }: KafkaLog, keptByTime: readonly TopicSpec[]): LetterDesk {
    const { plan, deliveries } = this.#parts.compiled;
    return new LetterDesk({ broker, plan, sinkGroups: deliveries.map(({ group }) => group), keptByTime, clock: Date.now });
  }

  /** Rows as they change, from whoever has the tasks. */
  #makeStreams(onError: (error: unknown) => void): Streams {
    const { plan, queries } = this.#parts.compiled;
    const ownerOf: Across["ownerOf"] = (subTopology, partition) => this.#owners?.ownerOf(subTopology, partition);
    const streams = new Streams({
      answerer: new ClusterStreams({ plan, queries, ownerOf, log: `${this.#cluster} ${this.#group}` }),
      onError,
    });
    countReaders(streams, this.#registry);
    return streams;
  }

  /** The workers of this process; the dead letters are read on this thread, which has the log's door and no tasks. */
  get #inspector(): Inspector {
    return {
      state: async () => {
        const snapshots = await Promise.all(this.#workers.map((worker) => worker.snapshot()));
        const seen = snapshots.filter((snapshot) => snapshot !== undefined);
        return { kind: "state", state: stateOf(seen, Date.now()) };
      },
      deadLetters: (request) => lettersOf(this.#log!.broker, request, this.#desk!),
      letters: (ask, signal) => answerLetters({ log: this.#log!.broker, desk: this.#desk! }, ask, signal),
    };
  }
}

const fileChanged = (): EngineFailure =>
  new EngineFailure("RUN_TOPOLOGY_CHANGED" satisfies RunCode, "the topology file was changed while it was read: start again");
