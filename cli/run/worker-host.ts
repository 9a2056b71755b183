import { MessageChannel, Worker as Thread, type MessagePort } from "node:worker_threads";
import type { WorkerSnapshot } from "@millrace/engine";
import { EngineFailure } from "../engine/engine-failure.ts";
import type { FromWorker, OwnersTold, ToWorker, WorkerSettings, WorkerStatus } from "./worker-messages.ts";

export type WorkerHearers = {
  readonly status: (status: WorkerStatus) => void;
  readonly owners: (told: OwnersTold) => void;
  readonly sinks: (detail: string) => void;
};

const nothingYet: WorkerStatus = { started: false, rebalancing: "joins", owned: 0, opening: [], restoring: [], stopped: [] };

/** A worker's thread as the main thread sees it. It loads its code from the beginning, and works once it is started. */
export class WorkerHost {
  readonly queries: MessagePort;
  readonly #askedBy: MessagePort;
  readonly #thread: Thread;
  #settings: WorkerSettings | undefined;
  #hear: WorkerHearers | undefined;
  #owners: OwnersTold | undefined;
  #sinks: string | undefined;
  readonly #joined = Promise.withResolvers<void>();
  readonly #failed = Promise.withResolvers<EngineFailure>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #scrapes = new Map<number, (text: string) => void>();
  readonly #snapshots = new Map<number, (snapshot: WorkerSnapshot | undefined) => void>();
  #status = nothingYet;
  #lastAsked = 0;
  #over = false;

  constructor() {
    const queries = new MessageChannel();
    this.queries = queries.port1;
    this.#askedBy = queries.port2;
    this.#thread = new Thread(new URL("./worker-thread.ts", import.meta.url));
    this.#thread.on("message", (message: FromWorker) => this.#take(message));
    this.#thread.on("error", (error) => this.#fail("WORKER_FAILED", error instanceof Error ? error.message : String(error)));
    this.#thread.on("exit", () => {
      this.#fail("WORKER_FAILED", "the worker's thread has ended");
      this.#ended.resolve();
    });
  }

  /** What it works with, once it was started. */
  get settings(): WorkerSettings | undefined {
    return this.#settings;
  }

  start(settings: Omit<WorkerSettings, "queries">): void {
    this.#settings = { ...settings, queries: this.#askedBy };
    const start: ToWorker = { kind: "start", settings: this.#settings };
    this.#thread.postMessage(start, [this.#askedBy]);
  }

  /** Who hears what it tells from now on, beginning with the newest of what it has told. */
  hear(hear: WorkerHearers): void {
    this.#hear = hear;
    hear.status(this.#status);
    if (this.#owners !== undefined) hear.owners(this.#owners);
    if (this.#sinks !== undefined) hear.sinks(this.#sinks);
  }

  /** Settles when its first tasks are assigned and open; never, when it fails before. */
  get joined(): Promise<void> {
    return this.#joined.promise;
  }

  /** Settles when the thread has failed; never, when all is well. */
  get failed(): Promise<EngineFailure> {
    return this.#failed.promise;
  }

  get status(): WorkerStatus {
    return this.#status;
  }

  /** What Prometheus scrapes of it; nothing when it has ended. */
  metrics(): Promise<string> {
    if (this.#over) return Promise.resolve("");
    return new Promise((settle) => {
      const id = ++this.#lastAsked;
      this.#scrapes.set(id, settle);
      this.#send({ kind: "metrics", id });
    });
  }

  /** What is seen of it at the moment; nothing before it has begun, and when it has ended. */
  snapshot(): Promise<WorkerSnapshot | undefined> {
    if (this.#over || this.#settings === undefined) return Promise.resolve(undefined);
    return new Promise((settle) => {
      const id = ++this.#lastAsked;
      this.#snapshots.set(id, settle);
      this.#send({ kind: "snapshot", id });
    });
  }

  /** Commits what was taken, gives the tasks back or keeps its place, ends the thread. */
  async stop(): Promise<void> {
    this.#send({ kind: "stop" });
    await this.#ended.promise;
    await this.#thread.terminate();
  }

  /** Ends the thread as a crash would: nothing more is committed. Nothing happens when it has ended. */
  async kill(): Promise<void> {
    await this.#thread.terminate();
  }

  #send(message: ToWorker): void {
    this.#thread.postMessage(message);
  }

  #take(message: FromWorker): void {
    switch (message.kind) {
      case "joined":
        return this.#joined.resolve();
      case "status":
        this.#status = message.status;
        return this.#hear?.status(message.status);
      case "sinks":
        this.#sinks = message.detail;
        return this.#hear?.sinks(message.detail);
      case "owners":
        this.#owners = message.told;
        return this.#hear?.owners(message.told);
      case "metrics":
        this.#scrapes.get(message.id)?.(message.text);
        this.#scrapes.delete(message.id);
        return;
      case "snapshot":
        this.#snapshots.get(message.id)?.(message.snapshot);
        this.#snapshots.delete(message.id);
        return;
      case "failed":
        return this.#fail(message.code, message.message);
      case "ended":
        this.#over = true;
        return this.#ended.resolve();
      default:
        message satisfies never;
    }
  }

  #fail(code: string, message: string): void {
    this.#over = true;
    this.#failed.resolve(new EngineFailure(code, message));
    for (const settle of this.#scrapes.values()) settle("");
    this.#scrapes.clear();
    for (const settle of this.#snapshots.values()) settle(undefined);
    this.#snapshots.clear();
  }
}
