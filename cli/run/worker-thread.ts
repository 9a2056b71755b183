import { flushCompileCache } from "node:module";
import { parentPort } from "node:worker_threads";
import type { Logger } from "pino";
import {
  BrokerError,
  ClusterProbe,
  type ClusterSettings,
  groupOf,
  type KafkaLog,
  type KafkaLogOptions,
  openKafka,
  parseClusterUrl,
  Worker,
  WorkerError,
  type WorkerSnapshot,
} from "@millrace/engine";
import { processors } from "#processors/registry.ts";
import { serveAsks } from "#queries/ask-port.ts";
import { createShareAnswerer } from "#queries/cluster/answer-share.ts";
import { compileTopology } from "#topology/compile-topology.ts";
import { EngineMetrics } from "../engine/engine-metrics.ts";
import { createStderrLogger } from "../engine/logger.ts";
import { SinkMetrics } from "../sinks/sink-metrics.ts";
import { Sinks, sinksDetail } from "../sinks/sinks.ts";
import { KafkaMetrics } from "./kafka-metrics.ts";
import { planKept, replicationOf } from "./topics.ts";
import type { FromWorker, ToWorker, WorkerSettings } from "./worker-messages.ts";
import { WorkerWatch } from "./worker-watch.ts";

// A worker's thread: its own connections to Kafka, its own state file, its own share of the tasks. Nothing is shared with the others.

/** What the main thread asks for is done by these, which get more to do as there is more. */
let stop = async (): Promise<void> => {
  tell({ kind: "ended" });
  // Ends the thread.
  process.exit(0);
};
let scrape = async (): Promise<string> => "";
let snapshot = (): WorkerSnapshot | undefined => undefined;
let stopping: Promise<void> | undefined;
const tell = (message: FromWorker): void => parentPort!.postMessage(message);
let settings: WorkerSettings;
let logger: Logger;
const statusEveryMs = 500;
let log: KafkaLog | undefined;
/** What is wrong with the cluster, or how it is named, the main thread says. */
let reached = false;

parentPort!.on("message", (message: ToWorker) => {
  if (message.kind === "start") void begin(message.settings);
  else if (message.kind === "stop") stopping ??= stop();
  else if (message.kind === "snapshot") tell({ kind: "snapshot", id: message.id, snapshot: snapshot() });
  else void scrape().then((text) => tell({ kind: "metrics", id: message.id, text }));
});

/** No `await` stands outside of functions here: V8 may abort the process when a thread is ended while a module that had waited so is completed. */
async function begin(given: WorkerSettings): Promise<void> {
  settings = given;
  logger = createStderrLogger(settings.logLevel).child({ room: "worker", member: settings.member });
  try {
    await run();
  } catch (error) {
    fail(error);
    if (stopping === undefined) {
      await log?.close();
      // Ends the thread.
      process.exit(1);
    }
  }
}

async function run(): Promise<void> {
  const { topology, member, retention } = settings;
  logger.debug({ event: "worker.loaded" }, "the thread's code is loaded");
  const { compiled } = compileTopology(topology.text, { processors, file: topology.file });
  // The main thread, which checks the same text, says what is wrong with it.
  if (compiled === undefined) process.exit(0);
  const plan = planKept(compiled.plan, retention);
  const engine = new EngineMetrics();
  engine.registry.setDefaultLabels({ worker: member });
  const kafka = new KafkaMetrics(engine.registry);
  let told = "";
  const tellStatus = (): void => {
    const status = watch.statusOf(worker);
    const text = JSON.stringify(status);
    if (text === told) return;
    told = text;
    tell({ kind: "status", status });
  };
  const watch = new WorkerWatch({
    logger,
    engine,
    kafka,
    changed: () => setImmediate(tellStatus),
    rebalanced: (generation) => tell({ kind: "owners", told: { generation, owners: [...opened.broker.owners(groupOf(plan.name))] } }),
  });
  const cluster = parseClusterUrl(settings.broker, process.env);
  const replication = settings.replication ?? replicationOf(settings, await nodesOf(cluster));
  reached = true;
  const opened = (log = openKafka({
    ...kafkaOf(cluster, replication),
    stateFile: settings.stateFile,
    endpoint: settings.endpoint,
    events: watch.kafkaEvents,
  }));
  logger.debug({ event: "worker.state-opened" }, "the local copy of the state is open");
  const worker = new Worker({
    plan,
    broker: opened.broker,
    storage: opened.storage,
    member,
    clock: Date.now,
    commitMs: settings.commitMs,
    commitRecords: settings.commitRecords,
    idleMs: settings.idleMs,
    maxTaskIdleMs: settings.taskIdleMs,
    pipeline: true,
    events: watch.workerEvents,
  });
  const sinkMetrics = new SinkMetrics(engine.registry);
  // Connections of their own: their groups are none of the worker's, and a rebalance of theirs is none of its.
  const deliveries = settings.sinks ? compiled.deliveries : [];
  const ways = deliveries.length === 0 ? undefined : openKafka({ ...kafkaOf(cluster, replication), stateFile: ":memory:" });
  const sinks = new Sinks(deliveries, {
    broker: ways?.broker ?? opened.broker,
    member,
    originOf: (topic) => ways!.broker.topicId(topic),
    environment: process.env,
    logger,
    metrics: sinkMetrics,
    changed: () => tell({ kind: "sinks", detail: sinksDetail(sinks.statuses) }),
  });
  const status = setInterval(tellStatus, statusEveryMs);
  const answerer = createShareAnswerer({ member, worker, queries: compiled.queries });
  const queries = serveAsks(answerer, { port: settings.queries, transfer: () => [] });
  stop = async (): Promise<void> => {
    // A loop that had failed has said so already; what is left is to close the log.
    await worker.stop().catch(() => undefined);
    await sinks.stop();
    clearInterval(status);
    queries.close();
    await ways?.close();
    await opened.close();
    logger.info(
      { event: "worker.ended" },
      settings.keepMembership ? "committed; its place in the group is kept" : "committed and left the group",
    );
    tell({ kind: "ended" });
    parentPort!.close();
  };
  scrape = () => {
    kafka.show(watch.statusOf(worker));
    sinkMetrics.show(sinks.statuses);
    return engine.scrape(worker.snapshot());
  };
  snapshot = () => worker.snapshot();
  await worker.start();
  watch.started = true;
  logger.debug({ event: "worker.started" }, "its first tasks are open");
  tellStatus();
  worker.ended.catch(fail);
  sinks.start().catch(fail);
  flushCompileCache();
  tell({ kind: "joined" });
}

/** How a member speaks to the cluster. */
function kafkaOf(cluster: ClusterSettings, replication: number): Omit<KafkaLogOptions, "stateFile"> {
  const { minIsr, sessionTimeoutMs, transactionTimeoutMs, keepMembership } = settings;
  return {
    cluster,
    topics: { replication, ...(minIsr === undefined ? {} : { minIsr }) },
    sessionTimeoutMs,
    transactionTimeoutMs,
    keepMembership,
  };
}

async function nodesOf(cluster: ClusterSettings): Promise<number> {
  const probe = new ClusterProbe(cluster);
  try {
    return (await probe.ask(settings.connectMs)).nodes;
  } finally {
    await probe.close();
  }
}

function fail(error: unknown): void {
  // What is broken off by the end is no failure.
  if (stopping !== undefined) return;
  const code =
    error instanceof BrokerError ||
    error instanceof WorkerError ||
    (error instanceof Error && "code" in error && typeof error.code === "string")
      ? String(error.code)
      : "WORKER_FAILED";
  if (reached) logger.error({ event: "worker.failed", code, err: error }, "the worker failed");
  tell({ kind: "failed", code, message: error instanceof Error ? error.message : String(error) });
}
