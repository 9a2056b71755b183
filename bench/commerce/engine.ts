import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { setHeapFlags, embeddedStateStorage, noWorkerEvents, openEmbeddedBroker, Worker } from "@millrace/engine";
import { processors } from "#processors/registry.ts";
import { eventRegistry } from "#schemas/event-registry.ts";
import { compileTopology } from "#topology/compile-topology.ts";
import { formatProblem } from "#topology/topology-error.ts";
import type { CommerceReport } from "./commerce.ts";

setHeapFlags();

/** The shipped topology over a log, from its beginning until nothing is left to do on any hop: `engine.ts FILE PARTITIONS`. */
const [path = "", partitions = "12"] = process.argv.slice(2);
const file = fileURLToPath(new URL("../../topology/commerce.yaml", import.meta.url));
const { problems, compiled } = compileTopology(readFileSync(file, "utf8"), { processors, file, partitions: Number(partitions) });
if (compiled === undefined) throw new Error(problems.map((problem) => formatProblem(problem)).join("\n"));
const broker = openEmbeddedBroker({ path });
const retention = { kind: "time", ms: 400 * 86_400_000 } as const;
const own = new Set(eventRegistry.map(({ topic }) => topic));
const plan = { ...compiled.plan, topics: compiled.plan.topics.filter(({ name }) => !own.has(name)) };
const failed = Promise.withResolvers<never>();
const seen = { records: 0, commits: 0, tasks: 0, last: performance.now(), cpu: process.cpuUsage(), deadLettered: 0 };
await broker.ensureTopics([...own].map((name) => ({ name, partitions: Number(partitions), retention })));
const worker = new Worker({
  plan,
  broker,
  storage: embeddedStateStorage(broker.database),
  member: "bench",
  clock: Date.now,
  // Event time runs a thousand times faster than the clock here.
  idleMs: 3_600_000,
  events: {
    ...noWorkerEvents,
    committed: ({ records, tasks }) => {
      if (records === 0) return;
      seen.records += records;
      seen.commits += 1;
      seen.tasks += tasks;
      seen.last = performance.now();
      seen.cpu = process.cpuUsage();
    },
    deadLettered: () => (seen.deadLettered += 1),
    taskStopped: ({ error }) => failed.reject(error),
  },
});
const before = { cpu: process.cpuUsage(), at: performance.now() };
await worker.start();
worker.ended.catch(failed.reject);
await Promise.race([caughtUp(), failed.promise]);
const micros = seen.cpu.user + seen.cpu.system - before.cpu.user - before.cpu.system;
const report: CommerceReport = {
  hopRecords: seen.records,
  seconds: (seen.last - before.at) / 1000,
  cpuSeconds: micros / 1e6,
  commits: seen.commits,
  tasksPerCommit: Math.round(seen.tasks / seen.commits),
  tasks: worker.ownedTasks.size,
  deadLettered: seen.deadLettered,
  rssMb: Math.round(process.resourceUsage().maxRSS / 1024),
};
await worker.stop();
await broker.close();
console.log(JSON.stringify(report));

/** Settles when no input of any task has records left, and none has come for a second. */
async function caughtUp(): Promise<void> {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    if (performance.now() - seen.last > 1000 && seen.records > 0 && worker.snapshot().inputs.every(({ records }) => records === 0)) return;
  }
}
