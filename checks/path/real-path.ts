import { readFileSync } from "node:fs";
import { pino } from "pino";
import { Registry } from "prom-client";
import {
  embeddedStateStorage,
  noWorkerEvents,
  openEmbeddedBroker,
  parseTokens,
  Worker,
  type EmbeddedBroker,
  type Plan,
  type Processor,
  type TopicSpec,
  type WorkerOptions,
} from "@millrace/engine";
import { runReplay } from "#cli/replay/replay.ts";
import type { ReplayReport } from "#cli/replay/report.ts";
import { createGateway } from "#gateway/gateway.ts";
import { startServer } from "#gateway/server.ts";
import { processors } from "#processors/registry.ts";
import { createAnswerer } from "#queries/answer-query.ts";
import { catalogueOf } from "#queries/catalogue.ts";
import { createQueries } from "#queries/queries.ts";
import { eventRegistry } from "#schemas/event-registry.ts";
import { compileTopology } from "#topology/compile-topology.ts";
import { queryNames, type QueryName } from "../judge/answers.ts";

export type RealPathOptions = {
  /** Of every topic; what the schemas say (12) when left out. */
  readonly partitions?: number;
  /** A file, or a log in memory. */
  readonly path?: string;
  readonly worker?: Partial<WorkerOptions>;
  /** YAML that is put behind the nodes of commerce.yaml. */
  readonly moreNodes?: string;
  readonly moreProcessors?: readonly Processor[];
};

/** Gateway over HTTP → log → the compiled commerce.yaml → queries over HTTP, in one process, with parts that a check can hold still. */
export type RealPath = {
  readonly url: string;
  readonly plan: Plan;
  readonly broker: EmbeddedBroker;
  readonly worker: Worker;
  startPipeline(): Promise<void>;
  replay(files: readonly string[], as: { readonly openingStock: number; readonly repeat?: number }): Promise<ReplayReport>;
  /** Settles when every node shows what lies at these tokens; rejects as soon as a task stands still. */
  shown(tokens: readonly string[]): Promise<void>;
  /** Every query of replay.md §3, as `?format=ndjson` answers it. */
  answers(): Promise<Record<QueryName, string>>;
  close(): Promise<void>;
};

const commerce = new URL("../../topology/commerce.yaml", import.meta.url);

export async function openRealPath(options: RealPathOptions = {}): Promise<RealPath> {
  const { partitions, path = ":memory:", worker: workerOptions = {}, moreNodes = "", moreProcessors = [] } = options;
  const text = `${readFileSync(commerce, "utf8")}\n${moreNodes}`;
  const { problems, compiled } = compileTopology(text, {
    processors: [...processors, ...moreProcessors],
    file: "commerce.yaml",
    ...(partitions === undefined ? {} : { partitions }),
  });
  if (compiled === undefined) throw new Error(`commerce.yaml does not compile: ${JSON.stringify(problems)}`);
  const { plan, queries } = compiled;
  const topics = new Map<string, TopicSpec>(
    eventRegistry.map((event) => [
      event.topic,
      { name: event.topic, partitions: partitions ?? event.partitions, retention: { kind: "forever" } },
    ]),
  );
  for (const topic of plan.topics) topics.set(topic.name, topic);
  const broker = openEmbeddedBroker({ path });
  await broker.ensureTopics([...topics.values()]);
  const stopped = Promise.withResolvers<never>();
  stopped.promise.catch(() => undefined);
  const worker = new Worker({
    plan,
    broker,
    storage: embeddedStateStorage(broker.database),
    member: "checks",
    clock: Date.now,
    events: {
      ...noWorkerEvents,
      taskStopped: ({ task, at, error }) => stopped.reject(new Error(`task ${task} stands still at ${at}`, { cause: error })),
    },
    ...workerOptions,
  });
  const gateway = createGateway({
    appender: broker,
    access: { kind: "open" },
    logger: pino({ level: "silent" }),
    registry: new Registry(),
    dependencies: [],
    partitions: new Map([...topics.values()].map((topic) => [topic.name, topic.partitions])),
  });
  gateway.app.route(
    "/",
    createQueries({ catalogue: catalogueOf(queries, plan), answerer: createAnswerer({ worker, plan, queries }), onError: stopped.reject }),
  );
  const server = await startServer({ listener: gateway.listener, limits: gateway.limits, port: 0 });
  let running = false;
  return {
    url: server.url,
    plan,
    broker,
    worker,
    startPipeline: async () => {
      await worker.start();
      running = true;
      worker.ended.catch(stopped.reject);
    },
    replay: (files, { openingStock, repeat = 1 }) =>
      runReplay(
        {
          files,
          to: server.url,
          speed: Number.POSITIVE_INFINITY,
          stamp: "data",
          openingStock,
          repeat,
          rejects: null,
          wait: false,
          batch: 1000,
          key: null,
        },
        { signal: new AbortController().signal },
      ),
    shown: async (tokens) => {
      const parsed = parseTokens(tokens.join(","));
      if (parsed.kind === "malformed") throw new Error(`${parsed.part}: ${parsed.reason}`);
      const all = plan.subTopologies.map(({ id }) => worker.after(id, parsed.positions).done);
      await Promise.race([Promise.all(all), stopped.promise]);
    },
    answers: () => answersOf(server.url),
    close: async () => {
      if (running) await worker.stop().catch(() => undefined);
      await gateway.close();
      await server.close(200);
      await broker.close();
    },
  };
}

/** Every query of replay.md §3 of a running Millrace, as `?format=ndjson` answers it. */
export async function answersOf(url: string): Promise<Record<QueryName, string>> {
  const answers: Partial<Record<QueryName, string>> = {};
  for (const name of queryNames) {
    const response = await fetch(`${url}/v1/queries/${name}?format=ndjson`);
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${name} answers ${response.status}: ${text}`);
    answers[name] = text;
  }
  return answers as Record<QueryName, string>;
}

/** Records that came too late for a window, or for a dedupe, by node; none is lost silently, so this says all. */
export function lateRecords(worker: Worker): Readonly<Record<string, number>> {
  return Object.fromEntries(
    worker
      .snapshot()
      .nodes.map(({ node, dropped, missed }) => [node, (dropped["late"] ?? 0) + (missed["late"] ?? 0)] as const)
      .filter(([, count]) => count > 0),
  );
}
