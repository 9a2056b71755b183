import { existsSync } from "node:fs";
import { join } from "node:path";
import { collectDefaultMetrics, Registry } from "prom-client";
import { createConsole } from "#console/console.ts";
import { connectAppender } from "#engine/broker/embedded/port.ts";
import { loopbackHosts } from "#gateway/front-door.ts";
import { createGateway } from "#gateway/gateway.ts";
import { type RunningServer, startServer } from "#gateway/server.ts";
import { createHandbook } from "#handbook/handbook.ts";
import { catalogueOf } from "#queries/catalogue.ts";
import { connectQueries } from "#queries/port.ts";
import { createQueries } from "#queries/queries.ts";
import { Streams } from "#queries/stream/streams.ts";
import { createLetterRoutes } from "#queries/letters/letter-routes.ts";
import { settlingRight } from "#queries/letters/settling-right.ts";
import { connectInspector } from "#queries/topology/inspector.ts";
import { createTopologyRoutes } from "#queries/topology/topology-routes.ts";
import { countReaders } from "../engine/count-readers.ts";
import type { EngineFailure } from "../engine/engine-failure.ts";
import { addDiskMetrics } from "../engine/disk-metrics.ts";
import { createLogger } from "../engine/logger.ts";
import type { Checked } from "../load-checked.ts";
import { compileWith } from "./compile-for-log.ts";
import { isLoopback } from "../run/instance.ts";
import { startEngine } from "./engine-host.ts";
import type { DevOptions } from "./options.ts";

export type RunningDev = {
  readonly url: string;
  /** False when the port was taken and another was found. */
  readonly portAsAsked: boolean;
  /** True when the data folder was empty. */
  readonly fresh: boolean;
  /** Whether posts need a key. */
  readonly keyed: boolean;
  /** Settles when the engine has failed; never, when all is well. */
  readonly failed: Promise<EngineFailure>;
  /** Lets nothing new in, finishes what was let in, commits, closes. */
  stop(): Promise<void>;
};

/** Starts the engine's thread, then the gateway, the queries and the page on this one. @throws {EngineFailure}; {Error} `EADDRINUSE`, `EADDRNOTAVAIL` … */
export async function startDev(options: DevOptions, { checked, key }: { checked: Checked; key: string | undefined }): Promise<RunningDev> {
  const log = join(options.data, "log.db");
  const fresh = !existsSync(log);
  const logFile = join(options.data, "millrace.log");
  const logger = createLogger(logFile, options.logLevel).child({ room: "gateway" });
  const { topology, commitMs, commitRecords, idleMs, logLevel } = options;
  const sinks = options.sinks && checked.compiled.deliveries.length > 0;
  const engine = await startEngine({ topology, log, commitMs, commitRecords, idleMs, logFile, logLevel, sinks });
  // As the engine did, which knows the log.
  const compiled = compileWith({ text: checked.text, file: topology }, engine.partitionNumber) ?? checked.compiled;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  addDiskMetrics(registry, options.data);
  const appender = connectAppender(engine.appends);
  const queries = connectQueries(engine.queries);
  const gateway = createGateway({
    appender,
    access:
      key === undefined || key === "" ? { kind: "open" } : { kind: "keys", keys: [{ name: "MILLRACE_KEY", secret: key, developer: true }] },
    logger,
    registry,
    dependencies: ["engine", ...(sinks ? ["sinks"] : [])],
    duplicates: { on: options.duplicates },
    partitions: engine.partitions,
    hosts: isLoopback(options.host) ? [...loopbackHosts, options.host] : "any",
  });
  const onError = (error: unknown): void => logger.error({ event: "queries.bug", err: error }, "a query could not be answered");
  const inspector = connectInspector(engine.inspections);
  const guard = gateway.guard("dead letters");
  gateway.app.route("/", createTopologyRoutes({ graph: compiled.graph, inspector, guard, onError }));
  const ask = inspector.letters.bind(inspector);
  gateway.app.route("/", createLetterRoutes({ graph: compiled.graph, ask, guard, right: settlingRight(options.host, key), onError }));
  const streams = new Streams({ answerer: queries, onError });
  countReaders(streams, registry);
  const catalogue = catalogueOf(compiled.queries, compiled.plan);
  gateway.app.route("/", createQueries({ catalogue, answerer: queries, streams, onError }));
  gateway.app.get("/metrics", async (c) =>
    c.text(`${await registry.metrics()}\n${await engine.metrics()}`, 200, { "Content-Type": registry.contentType }),
  );
  gateway.app.route("/", createConsole());
  gateway.app.route(
    "/",
    createHandbook({
      topology: compiled.plan.name,
      catalogue,
      limits: gateway.limits,
      keyed: key !== undefined && key !== "",
      takesEvents: true,
      streamed: true,
      routes: () => gateway.app.routes,
    }),
  );
  const close = async (server?: RunningServer): Promise<void> => {
    await gateway.close();
    await streams.drain();
    await server?.close();
    await appender.close();
    await engine.stop();
  };
  gateway.setReady("engine", { ready: true, detail: "running" });
  if (sinks) engine.onSinks((detail) => gateway.setReady("sinks", { ready: true, detail }));
  engine.onStoppedTasks((tasks) =>
    gateway.setReady("engine", { ready: false, detail: `tasks stand still: ${tasks.join(", ")}; see ${logFile}` }),
  );
  void engine.failed.then((failure) => gateway.setReady("engine", { ready: false, detail: `${failure.code} ${failure.message}` }));
  const { host, port, anyPort } = options;
  const server = await startServer({ listener: gateway.listener, limits: gateway.limits, host, port, takeFreePort: anyPort }).catch(
    async (error: unknown) => {
      await close();
      throw error;
    },
  );
  return {
    url: server.url,
    portAsAsked: server.portAsAsked || options.port === 0,
    fresh,
    keyed: key !== undefined && key !== "",
    failed: engine.failed,
    stop: () => close(server),
  };
}
