import { flushCompileCache } from "node:module";
import { setHeapFlags, embeddedStateStorage, noWorkerEvents, openEmbeddedBroker, Worker } from "@millrace/engine";
import { compileAggregate, workloadOf } from "../aggregate/workload.ts";

setHeapFlags();

/**
 * The aggregate's worker over a log, told when it may be killed: `engine.ts FILE WORKLOAD RECORDS SPAWNED_AT [quick]` prints a line when that many
 * records are committed, the last of them with outputs, and goes on. `SPAWNED_AT` is the parent's clock just before it started this process.
 */
const [path = "", name = "1M", records = "1", spawnedAt = "0", quick] = process.argv.slice(2);
const phases: Record<string, number> = { loaded: sinceSpawn(), loadedCpu: cpuMs() };
const { plan } = compileAggregate(workloadOf(name, quick === "quick"));
const broker = openEmbeddedBroker({ path });
phases["opened"] = sinceSpawn();
let committed = 0;
let told = false;
const worker = new Worker({
  plan,
  broker,
  storage: embeddedStateStorage(broker.database),
  member: "bench",
  clock: Date.now,
  events: {
    ...noWorkerEvents,
    committed: (event) => {
      committed += event.records;
      if (told || committed < Number(records)) return;
      told = true;
      phases["committed"] = sinceSpawn();
      phases["committedCpu"] = cpuMs();
      // As `millrace dev` does: a killed process has no chance to keep its compiled code.
      flushCompileCache();
      console.log(JSON.stringify(phases));
    },
  },
});
await worker.start();
phases["assigned"] = sinceSpawn();
phases["assignedCpu"] = cpuMs();
await worker.ended;

/** User and system time of this process, ms: what the other figures would be on a machine that does nothing else. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return Math.round((user + system) / 1000);
}

function sinceSpawn(): number {
  return Date.now() - Number(spawnedAt);
}
