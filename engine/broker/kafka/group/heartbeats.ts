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
const restartMs = 100;

/**
 * Heartbeats out of a thread of their own, which is started again when it dies. Settings that cannot be sent to a thread (a function that gives
 * tokens or addresses) keep them on this thread's timers: then nothing may block it for a session's length.
 */
export class Heartbeats {
  readonly #data: HeartbeatThreadData;
  readonly #report;
  readonly #life;
  readonly #ticks;
  readonly #loop: { readonly client: KafkaClient; readonly loop: HeartbeatLoop } | undefined;
  #worker: Worker | undefined;
  #beat: Beat | undefined;
  #restart: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(settings: HeartbeatSettings, report: (report: HeartbeatReport) => void) {
    const { cluster, group, sessionTimeoutMs, maxPollMs } = settings;
    const life = new SharedArrayBuffer(8);
    this.#data = { cluster, group, requestTimeoutMs: Math.max(500, Math.floor(sessionTimeoutMs / 3)), maxPollMs, life };
    this.#report = report;
    this.#life = new BigInt64Array(life);
    this.#tick();
    this.#ticks = setInterval(() => this.#tick(), Math.min(tickMs, maxPollMs / 4)).unref();
    if (isPlainData(cluster)) return (this.#start(), this);
    const client = new KafkaClient(cluster, "heartbeat", { requestTimeoutMs: this.#data.requestTimeoutMs });
    this.#loop = { client, loop: new HeartbeatLoop(client, group, { isAlive: () => true, report }) };
  }

  /** The thread that sends them now; undefined on this one. */
  get worker(): Worker | undefined {
    return this.#worker;
  }

  /** From now on heartbeats are those of this identity; undefined stops them. */
  set(beat: Beat | undefined): void {
    this.#beat = beat;
    this.#tick();
    this.#loop?.loop.set(beat);
    this.#worker?.postMessage(beat);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#beat = undefined;
    clearInterval(this.#ticks);
    clearTimeout(this.#restart);
    this.#loop?.loop.set(undefined);
    await Promise.all([this.#loop?.client.close(), this.#worker?.terminate()]);
  }

  #tick(): void {
    Atomics.store(this.#life, 0, process.hrtime.bigint());
  }

  #start(): void {
    const worker = new Worker(new URL("./heartbeat-thread.ts", import.meta.url), { workerData: this.#data });
    worker.unref();
    this.#worker = worker;
    worker.on("message", (report: HeartbeatReport) => {
      if (!this.#closed) this.#report(report);
    });
    // What it died of does not matter: the next one does the same work.
    worker.on("error", () => undefined);
    worker.on("exit", () => {
      if (this.#closed) return;
      this.#worker = undefined;
      this.#restart = setTimeout(() => this.#start(), restartMs);
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
