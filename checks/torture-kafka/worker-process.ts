import { writeFileSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { createInterface } from "node:readline";
import { noKafkaEvents, noWorkerEvents, openKafka, parseClusterUrl, Worker, type KafkaEvents, type WorkerEvents } from "@millrace/engine";
import type { CommitStep } from "#engine/broker/kafka/kafka-broker.ts";
import { smokePlan } from "./smoke/plan.ts";
import { dumpOf } from "./state-dump.ts";
import type { WorkerOrder, WorkerSettings, WorkerWord } from "./worker-settings.ts";

// Who is killed writes no cache at its end.
flushCompileCache();

// One worker of the smoke pipeline. Started by the torture, told what to do on stdin; it does not outlive who started it.
const settings = JSON.parse(process.argv[2] ?? "") as WorkerSettings;
const { url, member, stateFile, smoke, replication, minIsr, sessionTimeoutMs, transactionTimeoutMs, commitMs } = settings;
const plan = smokePlan(smoke);

const say = (word: WorkerWord): void => void process.stdout.write(`${JSON.stringify({ at: Date.now(), ...word })}\n`);
const textOf = (error: unknown): string => (error instanceof Error ? `${error.name}: ${error.message}` : String(error));

const events: WorkerEvents = {
  ...noWorkerEvents,
  assigned: ({ tasks, generation }) => say({ say: "assigned", tasks, generation }),
  committed: ({ tasks, records, ms }) => say({ say: "committed", tasks, records, ms }),
  commitFailed: ({ kind, reason, tasks }) => say({ say: "commit-failed", kind, reason, tasks }),
  logAway: ({ error, failed }) => say({ say: "log-away", error: textOf(error), failed }),
  retrying: ({ task, at, error }) => say({ say: "retrying", task, where: at, error: textOf(error) }),
  deadLettered: ({ task, node, reason }) => say({ say: "dead-lettered", what: `${task} ${node}: ${reason}` }),
  taskStopped: ({ task, error }) => say({ say: "task-stopped", task, error: textOf(error) }),
};
const kafkaEvents: KafkaEvents = {
  ...noKafkaEvents,
  rebalanced: ({ generation, why, reason }) => say({ say: "rebalanced", generation, why, reason }),
  restoring: ({ task, read, total }) => say({ say: "restoring", task, read: Number(read), total: Number(total) }),
  transaction: ({ outcome, ms, tries }) => {
    if (outcome !== "committed" || tries > 1) say({ say: "transaction", outcome, ms: Math.round(ms), tries });
  },
  localCopyStuck: ({ error }) => say({ say: "local-copy-stuck", error: textOf(error) }),
};

let stepsLeft = settings.kill?.commit ?? 0;
const onCommitStep = (step: CommitStep): void => {
  if (step === settings.kill?.at && --stepsLeft === 0) process.kill(process.pid, "SIGKILL");
};

try {
  const log = openKafka({
    cluster: parseClusterUrl(url, process.env),
    stateFile,
    topics: { replication, minIsr },
    sessionTimeoutMs,
    transactionTimeoutMs,
    rebalanceTimeoutMs: 15_000,
    compression: "zstd",
    events: kafkaEvents,
    onCommitStep,
  });
  const { broker, storage } = log;
  const worker = new Worker({ plan, broker, storage, member, clock: Date.now, events, commitMs, commitRecords: 2000, pipeline: true });
  let stopping: Promise<void> | undefined;
  const stop = async (dumpFile: string): Promise<void> => {
    // Answered behind the last commit: nothing is taken any more.
    const asked = worker.read((stores) => dumpOf(plan, stores));
    await worker.stop();
    writeFileSync(dumpFile, JSON.stringify(await asked));
  };
  const orders = createInterface({ input: process.stdin });
  orders.on("line", (line) => {
    const { dumpFile } = JSON.parse(line) as WorkerOrder;
    stopping ??= stop(dumpFile);
  });
  orders.on("close", () => process.exit(1));
  await worker.start();
  say({ say: "ready" });
  await worker.ended;
  await stopping;
  await log.close();
  say({ say: "stopped" });
  process.exit(0);
} catch (error) {
  say({
    say: "failed",
    code: String((error as { code?: unknown }).code),
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  });
  process.exit(2);
}
