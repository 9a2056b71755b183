import { countBuffersAsHeap, noWorkerEvents, Worker } from "@millrace/engine";
import { noKafkaEvents } from "../../engine/broker/kafka/kafka-events.ts";
import { openKafka } from "../../engine/state/local/open-kafka.ts";
import { clusterAt } from "./clients.ts";
import { jobOf } from "./jobs/jobs.ts";
import { planOf } from "./jobs/job.ts";

countBuffersAsHeap();

/** One job on Millrace until it is killed, one worker with all tasks: `engine.ts JOB COMMIT_MS BOOTSTRAP NAME STATE_FILE [INPUT]`. */
const [name = "", commitMs = "100", bootstrap = "", topology = "", stateFile = "", input] = process.argv.slice(2);
const { job, topics } = jobOf(name);
const plan = planOf(job, topology, { input: input ?? topics.input, output: topics.output });
const { broker, storage } = openKafka({
  cluster: clusterAt(bootstrap),
  stateFile,
  topics: { replication: 1, minIsr: 1 },
  events: {
    ...noKafkaEvents,
    transaction: ({ outcome, ms, bytes }) => tally.transaction(outcome, ms, bytes),
    localCopyStuck: ({ error }) => console.error("local copy stuck", error),
  },
});
const tally = {
  commits: 0,
  ms: 0,
  bytes: 0,
  records: 0,
  transaction: (outcome: string, ms: number, bytes: number) => {
    if (outcome !== "committed") console.error(`a transaction ended ${outcome}`);
    tally.commits += 1;
    tally.ms += ms;
    tally.bytes += bytes;
  },
};
const worker = new Worker({
  plan,
  broker,
  storage,
  member: "bench",
  clock: Date.now,
  commitMs: Number(commitMs),
  // Only time makes a commit due, as it does in the peers.
  commitRecords: 100_000_000,
  bufferedRecords: 20_000,
  sliceRecords: 2000,
  idleMs: 3_600_000,
  events: {
    ...noWorkerEvents,
    committed: ({ records }) => void (tally.records += records),
    commitFailed: (event) => console.error("commit failed", event),
    taskStopped: ({ error }) => {
      console.error("a task stopped", error);
      process.exit(1);
    },
  },
});
process.once("SIGTERM", () => {
  void worker.stop().then(() => {
    const { user, system } = process.cpuUsage();
    console.log(JSON.stringify({ ...tally, cpuSeconds: (user + system) / 1e6 }));
    process.exit(0);
  });
});
await worker.start();
await worker.ended;
