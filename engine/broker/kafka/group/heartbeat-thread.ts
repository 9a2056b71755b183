import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import type { ClusterSettings } from "#broker/kafka/wire/cluster.ts";
import type { Beat } from "./heartbeat-loop.ts";

export type HeartbeatThreadData = {
  readonly cluster: ClusterSettings;
  readonly group: string;
  readonly requestTimeoutMs: number;
  readonly maxPollMs: number;
  /** Monotonic nanoseconds at which the main thread last had its turn. */
  readonly life: SharedArrayBuffer;
  /** How long it lets others go first. */
  readonly delayMs: number;
};

// A thread of its own with a connection of its own: the main thread may be busy for longer than a session lasts.
const { cluster, group, requestTimeoutMs, maxPollMs, life, delayMs } = workerData as HeartbeatThreadData;

// No `await` stands outside of functions: V8 may abort the process when a thread is ended while a module that had waited so is completed.
void beat();

async function beat(): Promise<void> {
  await sleep(delayMs);
  const { KafkaClient } = await import("#broker/kafka/wire/kafka-client.ts");
  const { HeartbeatLoop } = await import("./heartbeat-loop.ts");
  const lastTurn = new BigInt64Array(life);
  const client = new KafkaClient(cluster, "heartbeat", { requestTimeoutMs });
  const loop = new HeartbeatLoop(client, group, {
    isAlive: () => process.hrtime.bigint() - Atomics.load(lastTurn, 0) < BigInt(maxPollMs) * 1_000_000n,
    report: (report) => parentPort!.postMessage(report),
  });
  let first = true;
  parentPort!.on("message", (beat: Beat | undefined) => {
    // The first goes out at once: the last one may be as long ago as it took to start this thread.
    if (first) loop.set(beat, 0);
    else loop.set(beat);
    first = false;
  });
  parentPort!.postMessage("ready");
}
