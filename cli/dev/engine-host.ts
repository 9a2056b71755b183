import { MessageChannel, Worker as Thread, type MessagePort } from "node:worker_threads";
import { EngineFailure } from "../engine/engine-failure.ts";
import type { EngineSettings, FromEngine, ToEngine } from "./engine-messages.ts";

/** The engine's thread as the main thread sees it. */
export type EngineHost = {
  readonly appends: MessagePort;
  readonly queries: MessagePort;
  readonly inspections: MessagePort;
  /** What the topology was compiled with: partitions of each topic of which the file says none. */
  readonly partitionNumber: number | undefined;
  /** Partitions of each topic of the log. */
  readonly partitions: ReadonlyMap<string, number>;
  /** Calls back with the tasks that stand still after a bug, each time there is one more. */
  onStoppedTasks(hear: (tasks: readonly string[]) => void): void;
  /** Calls back with what is to be said of the sinks, beginning with the newest of what was said. */
  onSinks(hear: (detail: string) => void): void;
  /** Settles when the thread has failed; never, when all is well. */
  readonly failed: Promise<EngineFailure>;
  /** Empty once the thread has ended. */
  metrics(): Promise<string>;
  /** Commits what was taken, closes the log, ends the thread. */
  stop(): Promise<void>;
};

/** @throws {EngineFailure} with the code of what kept the engine from starting, e.g. `BROKER_LOCKED` */
export async function startEngine(settings: Omit<EngineSettings, "appends" | "queries" | "inspections">): Promise<EngineHost> {
  const appends = new MessageChannel();
  const queries = new MessageChannel();
  const inspections = new MessageChannel();
  const workerData: EngineSettings = { ...settings, appends: appends.port2, queries: queries.port2, inspections: inspections.port2 };
  const transferList = [appends.port2, queries.port2, inspections.port2];
  const thread = new Thread(new URL("./engine-thread.ts", import.meta.url), { workerData, transferList });
  const scrapes = new Map<number, (text: string) => void>();
  const ready = Promise.withResolvers<Pick<EngineHost, "partitionNumber" | "partitions">>();
  const failed = Promise.withResolvers<EngineFailure>();
  const ended = Promise.withResolvers<void>();
  const hearers: ((tasks: readonly string[]) => void)[] = [];
  let hearSinks: ((detail: string) => void) | undefined;
  let sinksDetail: string | undefined;
  let lastScrape = 0;
  let gone = false;
  const fail = (failure: EngineFailure): void => {
    ready.reject(failure);
    failed.resolve(failure);
    for (const settle of scrapes.values()) settle("");
  };
  thread.on("message", (message: FromEngine) => {
    switch (message.kind) {
      case "ready":
        return ready.resolve({ partitionNumber: message.partitionNumber, partitions: new Map(message.partitions) });
      case "stopped-tasks":
        for (const hear of hearers) hear(message.tasks);
        return;
      case "sinks":
        sinksDetail = message.detail;
        return hearSinks?.(message.detail);
      case "metrics":
        scrapes.get(message.id)?.(message.text);
        scrapes.delete(message.id);
        return;
      case "failed":
        return fail(new EngineFailure(message.code, message.message));
      case "ended":
        return ended.resolve();
      default:
        message satisfies never;
    }
  });
  thread.on("error", (error) => fail(new EngineFailure("ENGINE_FAILED", error instanceof Error ? error.message : String(error))));
  thread.on("exit", () => {
    gone = true;
    fail(new EngineFailure("ENGINE_FAILED", "the engine's thread has ended"));
    ended.resolve();
  });
  const send = (message: ToEngine): void => thread.postMessage(message);
  const { partitionNumber, partitions } = await ready.promise;
  return {
    appends: appends.port1,
    queries: queries.port1,
    inspections: inspections.port1,
    partitionNumber,
    partitions,
    failed: failed.promise,
    onStoppedTasks: (hear) => void hearers.push(hear),
    onSinks: (hear) => {
      hearSinks = hear;
      if (sinksDetail !== undefined) hear(sinksDetail);
    },
    metrics: () =>
      new Promise((settle) => {
        // A thread that is no more answers nothing, and the scrape would hang.
        if (gone) return settle("");
        const id = ++lastScrape;
        scrapes.set(id, settle);
        send({ kind: "metrics", id });
      }),
    stop: async () => {
      send({ kind: "stop" });
      await ended.promise;
      await thread.terminate();
    },
  };
}
