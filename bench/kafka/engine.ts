import { flushCompileCache } from "node:module";
import { noWorkerEvents, Worker } from "@millrace/engine";
import { noKafkaEvents } from "../../engine/broker/kafka/kafka-events.ts";
import { openKafka } from "../../engine/state/local/open-kafka.ts";
import { clusterAt } from "./clients.ts";
import { jobOf } from "./jobs/jobs.ts";
import { planOf } from "./jobs/job.ts";

/** What this process runs: one JSON argument. */
export type EngineSettings = {
  readonly job: string;
  readonly commitMs: number;
  readonly bootstrap: string;
  /** Of the topology, and with it of group and changelog. */
  readonly name: string;
  readonly stateFile: string;
  readonly topics: { readonly input: string; readonly output: string };
  readonly partitions: number;
};

/** What it prints when it is told to end (SIGTERM). */
export type EngineReport = {
  readonly records: number;
  readonly cpuSeconds: number;
  /** Milliseconds of each commit from its beginning to its end. */
  readonly commitMs: readonly number[];
};

/** One job on Millrace until it is killed, one worker with all tasks. */
const { job, commitMs, bootstrap, name, stateFile, topics, partitions } = JSON.parse(process.argv[2]!) as EngineSettings;
const times: number[] = [];
let records = 0;
const log = openKafka({
  cluster: clusterAt(bootstrap),
  stateFile,
  topics: { replication: 1, minIsr: 1 },
  events: {
    ...noKafkaEvents,
    transaction: ({ outcome, ms }) => {
      times.push(ms);
      if (outcome !== "committed") console.error(`a transaction ended ${outcome}`);
    },
    localCopyStuck: ({ error }) => console.error("the local copy is stuck", error),
  },
});
const worker = new Worker({
  plan: planOf(jobOf(job).job, name, { ...topics, partitions }),
  broker: log.broker,
  storage: log.storage,
  member: "bench",
  clock: Date.now,
  commitMs,
  pipeline: true,
  // Only time makes a commit due, as it does in the peers.
  commitRecords: 100_000_000,
  bufferedRecords: 20_000,
  sliceRecords: 2000,
  // Event time outruns the clock.
  idleMs: 3_600_000,
  events: {
    ...noWorkerEvents,
    committed: (event) => void (records += event.records),
    commitFailed: (event) => console.error("a commit failed", event),
    taskStopped: ({ error }) => {
      console.error("a task stopped", error);
      process.exit(1);
    },
  },
});
process.once("SIGTERM", () => {
  void worker.stop().then(() => {
    const { user, system } = process.cpuUsage();
    const report: EngineReport = { records, cpuSeconds: (user + system) / 1e6, commitMs: times };
    console.log(JSON.stringify(report));
    process.exit(0);
  });
});
await worker.start();
// As `millrace run` does: a killed process has no chance to keep its compiled code.
flushCompileCache();
await worker.ended;
