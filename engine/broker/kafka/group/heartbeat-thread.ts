import { parentPort, workerData } from "node:worker_threads";
import type { ClusterSettings } from "#broker/kafka/wire/cluster.ts";
import { KafkaClient } from "#broker/kafka/wire/kafka-client.ts";
import { type Beat, HeartbeatLoop } from "./heartbeat-loop.ts";

export type HeartbeatThreadData = {
  readonly cluster: ClusterSettings;
  readonly group: string;
  readonly requestTimeoutMs: number;
  readonly maxPollMs: number;
  /** Monotonic nanoseconds at which the main thread last had its turn. */
  readonly life: SharedArrayBuffer;
};

// A thread of its own with a connection of its own: the main thread may be busy for longer than a session lasts.
const { cluster, group, requestTimeoutMs, maxPollMs, life } = workerData as HeartbeatThreadData;
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
