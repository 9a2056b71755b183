import { Worker } from "node:worker_threads";
import type { ClusterSettings } from "#broker/kafka/wire/cluster.ts";
import { KafkaClient } from "#broker/kafka/wire/kafka-client.ts";
import { type Beat, HeartbeatLoop, type HeartbeatReport } from "./heartbeat-loop.ts";
import type { HeartbeatThreadData } from "./heartbeat-thread.ts";

export type HeartbeatSettings = {
  readonly cluster: ClusterSettings;
  readonly group: string;
  readonly sessionTimeoutMs: number;
  /** How long the main thread may show no life before its heartbeats end. */
  readonly maxPollMs: number;
};

const tickMs = 500;
/** A thread loads its code when those who join have done so, at most a tenth of a session later: until then it would be in their way. */
const longestDelayMs = 1000;
const restartMs = 100;

/**
 * Heartbeats out of a thread of their own, which is started again when it dies; until it has begun this thread's timers send them. So they do
 * for good when the settings cannot be sent to a thread (a function that gives tokens or addresses): then nothing may block this thread for as
 * long as a session.
 */
export class Heartbeats {
  readonly #data: HeartbeatThreadData;
  readonly #report;
  readonly #lastTurn;
  readonly #ticks;
  readonly #client: KafkaClient;
  readonly #loop: HeartbeatLoop;
  #worker: Worker | undefined;
  /** Whether the thread sends the heartbeats. */
  #threaded = false;
  #beat: Beat | undefined;
  #restart: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(settings: HeartbeatSettings, report: (report: HeartbeatReport) => void) {
    const { cluster, group, sessionTimeoutMs, maxPollMs } = settings;
    const life = new SharedArrayBuffer(8);
    this.#data = {
      cluster,
      group,
      requestTimeoutMs: Math.max(500, Math.floor(sessionTimeoutMs / 3)),
      maxPollMs,
      life,
      delayMs: Math.min(longestDelayMs, sessionTimeoutMs / 10),
    };
    this.#report = report;
    this.#lastTurn = new BigInt64Array(life);
    this.#tick();
    this.#ticks = setInterval(() => this.#tick(), Math.min(tickMs, maxPollMs / 4)).unref();
    this.#client = new KafkaClient(cluster, "heartbeat", { requestTimeoutMs: this.#data.requestTimeoutMs });
    this.#loop = new HeartbeatLoop(this.#client, group, { isAlive: () => true, report });
    if (isPlainData(cluster)) this.#start();
  }

  /** The thread that sends them now; undefined when it is this one. */
  get worker(): Worker | undefined {
    return this.#threaded ? this.#worker : undefined;
  }

  /** From now on heartbeats are those of this identity; undefined stops them. */
  set(beat: Beat | undefined): void {
    this.#beat = beat;
    this.#tick();
    // Also to a thread that has not begun: it takes over by itself, even if this one has no time by then.
    this.#worker?.postMessage(beat);
    if (!this.#threaded) this.#loop.set(beat);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#ticks);
    clearTimeout(this.#restart);
    this.#loop.set(undefined);
    await Promise.all([this.#client.close(), this.#worker?.terminate()]);
  }

  #tick(): void {
    Atomics.store(this.#lastTurn, 0, process.hrtime.bigint());
  }

  #start(): void {
    const worker = new Worker(new URL("./heartbeat-thread.ts", import.meta.url), { workerData: this.#data });
    worker.unref();
    this.#worker = worker;
    worker.on("message", (message: HeartbeatReport | "ready") => {
      if (this.#closed) return;
      if (message === "ready") {
        this.#threaded = true;
        this.#loop.set(undefined);
      } else this.#report(message);
    });
    // What it died of does not matter: the next one does the same work.
    worker.on("error", () => undefined);
    worker.on("exit", () => {
      if (this.#closed) return;
      this.#worker = undefined;
      this.#threaded = false;
      this.#loop.set(this.#beat, 0);
      this.#restart = setTimeout(() => this.#start(), restartMs).unref();
    });
    if (this.#beat !== undefined) worker.postMessage(this.#beat);
  }
}

function isPlainData(cluster: ClusterSettings): boolean {
  try {
    structuredClone(cluster);
    return true;
  } catch {
    return false;
  }
}
