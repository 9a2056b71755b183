import { embeddedStateStorage, noWorkerEvents, openEmbeddedBroker, Worker } from "@millrace/engine";
import { compileAggregate, workloadOf } from "../aggregate/workload.ts";

/**
 * The aggregate's worker over a log, told when it may be killed: `engine.ts FILE WORKLOAD RECORDS SPAWNED_AT [quick]` prints a line when that many
 * records are committed, the last of them with outputs, and goes on. `SPAWNED_AT` is the parent's clock just before it started this process.
 */
const [path = "", name = "1M", records = "1", spawnedAt = "0", quick] = process.argv.slice(2);
const phases: Record<string, number> = { loaded: sinceSpawn() };
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
      console.log(JSON.stringify(phases));
    },
  },
});
await worker.start();
phases["assigned"] = sinceSpawn();
await worker.ended;

function sinceSpawn(): number {
  return Date.now() - Number(spawnedAt);
}
