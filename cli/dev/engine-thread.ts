import { readFileSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { parentPort, workerData } from "node:worker_threads";
import { BrokerError, embeddedStateStorage, LetterDesk, openEmbeddedBroker, serveAppender, Worker, type TopicSpec } from "@millrace/engine";
import { createAnswerer } from "#queries/answer-query.ts";
import { serveQueries } from "#queries/port.ts";
import { createStreamAnswerer } from "#queries/stream/answer-stream.ts";
import { allTasks } from "#queries/task-reader.ts";
import { serveInspector } from "#queries/topology/inspector.ts";
import { eventRegistry } from "#schemas/event-registry.ts";
import type { Compiled } from "#topology/compile-topology.ts";
import { compileWith, partitionsForLog, type Text } from "./compile-for-log.ts";
import type { EngineSettings, FromEngine, ToEngine } from "./engine-messages.ts";
import { checkStoreWindows } from "./store-windows.ts";
import { EngineMetrics } from "../engine/engine-metrics.ts";
import { createFileLogger, createLogger } from "../engine/logger.ts";
import { SinkMetrics } from "../sinks/sink-metrics.ts";
import { originOfLog, Sinks, sinksDetail } from "../sinks/sinks.ts";

/**
 * The engine's thread: log, state and worker. The disk is waited for here, never on the thread that answers HTTP; what crosses are encoded
 * batches and encoded answers.
 */
const settings = workerData as EngineSettings;
const logger = createLogger(settings.logFile, settings.logLevel).child({ room: "engine" });
const tell = (message: FromEngine): void => parentPort!.postMessage(message);

try {
  await run();
} catch (error) {
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "ENGINE_FAILED";
  // The main thread says what has a code. The log of a folder that is another process's is that process's.
  if (code === "ENGINE_FAILED") logger.error({ event: "engine.failed", code, err: error }, "the engine failed");
  else if (code !== "BROKER_LOCKED") createFileLogger(settings.logFile).error({ room: "engine", event: "engine.failed", code, err: error });
  tell({ kind: "failed", code, message: error instanceof Error ? error.message : String(error) });
  parentPort!.close();
}

async function run(): Promise<void> {
  const broker = openEmbeddedBroker({ path: settings.log });
  let partitionNumber: number | undefined;
  let compiled: Compiled;
  try {
    const text = { text: readFileSync(settings.topology, "utf8"), file: settings.topology };
    partitionNumber = partitionsForLog(broker, text);
    compiled = compiledFor(text, partitionNumber);
    checkStoreWindows(broker, compiled.queries);
  } catch (error) {
    await broker.close();
    throw error;
  }
  const topics = new Map<string, TopicSpec>();
  for (const { topic, partitions, retentionDays } of eventRegistry) {
    const retention = { kind: "time", ms: retentionDays * 86_400_000 } as const;
    topics.set(topic, { name: topic, partitions: partitionNumber ?? partitions, retention });
  }
  for (const spec of compiled.plan.topics) topics.set(spec.name, spec);
  await broker.ensureTopics([...topics.values()]);
  const metrics = new EngineMetrics();
  const worker = new Worker({
    plan: compiled.plan,
    broker,
    storage: embeddedStateStorage(broker.database),
    member: "dev",
    clock: Date.now,
    pipeline: true,
    commitMs: settings.commitMs,
    commitRecords: settings.commitRecords,
    idleMs: settings.idleMs,
    events: {
      assigned: ({ tasks, generation }) => logger.info({ event: "worker.assigned", tasks: tasks.length, generation }, "tasks assigned"),
      committed: (event) => metrics.committed(event),
      commitFailed: (event) => {
        metrics.commitFailed(event);
        logger.warn({ event: "worker.commit-failed", ...event }, "a commit was given back");
      },
      logAway: ({ error, failed }) => logger.warn({ event: "worker.log-away", failed, err: error }, "the log cannot be read; tried again"),
      retrying: ({ error, ...event }) => logger.warn({ event: "worker.retrying", ...event, err: error }, "a record is tried again"),
      deadLettered: (event) => logger.warn({ event: "worker.dead-lettered", ...event }, "records left by the dead letters"),
      taskStopped: ({ error, ...event }) => {
        logger.error(
          { event: "worker.task-stopped", ...event, err: error },
          "a task stands still: this is a bug in a processor, not in a record",
        );
        tell({ kind: "stopped-tasks", tasks: [...worker.stoppedTasks.keys()] });
      },
    },
  });
  const sinkMetrics = new SinkMetrics(metrics.registry);
  const origin = originOfLog(broker.identity);
  const sinks = new Sinks(settings.sinks ? compiled.deliveries : [], {
    broker,
    member: "dev",
    originOf: () => Promise.resolve(origin),
    environment: process.env,
    logger,
    metrics: sinkMetrics,
    changed: () => tell({ kind: "sinks", detail: sinksDetail(sinks.statuses) }),
  });
  try {
    await sinks.start();
  } catch (error) {
    await broker.close();
    throw error;
  }
  await worker.start();
  const sinkGroups = compiled.deliveries.map(({ group }) => group);
  const desk = new LetterDesk({ broker, plan: compiled.plan, sinkGroups, clock: Date.now });
  const appends = serveAppender(broker, settings.appends);
  const asked = { worker, plan: compiled.plan, queries: compiled.queries };
  const queries = serveQueries(
    createAnswerer(asked),
    settings.queries,
    createStreamAnswerer({ ...asked, onTasks: allTasks(worker, compiled.plan), log: broker.identity }),
  );
  const inspections = serveInspector({ worker, broker, desk, nowMs: Date.now }, settings.inspections);
  const stop = async (): Promise<void> => {
    // A loop that had failed has said so already; what is left is to close the log.
    await worker.stop().catch(() => undefined);
    await sinks.stop();
    queries.close();
    inspections.close();
    appends.close();
    await desk.close();
    await broker.close();
    logger.info({ event: "engine.ended" }, "the engine has committed and closed its log");
    tell({ kind: "ended" });
    parentPort!.close();
  };
  parentPort!.on("message", (message: ToEngine) => {
    if (message.kind === "stop") return void stop();
    sinkMetrics.show(sinks.statuses);
    void metrics.scrape(worker.snapshot()).then((text) => tell({ kind: "metrics", id: message.id, text }));
  });
  worker.ended.catch((error: unknown) => {
    logger.error({ event: "engine.worker-failed", err: error }, "the worker's loop failed");
    tell({
      kind: "failed",
      code: error instanceof BrokerError ? error.code : "WORKER_FAILED",
      message: error instanceof Error ? error.message : String(error),
    });
  });
  flushCompileCache();
  const partitions = [...topics.values()].map((topic) => [topic.name, topic.partitions] as const);
  tell({ kind: "ready", partitionNumber, partitions });
}

function compiledFor(text: Text, partitions: number | undefined): Compiled {
  const compiled = compileWith(text, partitions);
  if (compiled === undefined) throw new Error(`${text.file} no longer passes its check`);
  return compiled;
}
