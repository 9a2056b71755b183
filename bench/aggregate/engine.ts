import { setHeapFlags, embeddedStateStorage, noWorkerEvents, openEmbeddedBroker, Worker } from "@millrace/engine";
import { Measure } from "./measure.ts";
import { OutputSum } from "./outputs.ts";
import { compileAggregate, outputTopic, workloadOf } from "./workload.ts";

/** Millrace over a preloaded log: topology, worker, embedded broker. `engine.ts FILE WORKLOAD [quick]` */
setHeapFlags();
const [path = "", name = "20k", quick] = process.argv.slice(2);
const workload = workloadOf(name, quick === "quick");
const { plan } = compileAggregate(workload);
const broker = openEmbeddedBroker({ path });
const measure = new Measure(workload.records);
const finished = Promise.withResolvers<void>();
const worker = new Worker({
  plan,
  broker,
  storage: embeddedStateStorage(broker.database),
  member: "bench",
  clock: Date.now,
  events: {
    ...noWorkerEvents,
    committed: ({ records }) => {
      measure.committed(records, since());
      if (measure.done) finished.resolve();
    },
    taskStopped: ({ error }) => finished.reject(error),
  },
});
let last = performance.now();
await worker.start();
worker.ended.catch(finished.reject);
await finished.promise;
await worker.stop();
const sum = new OutputSum();
const rows = broker.database.connection
  .prepare("SELECT count, bytes FROM kept_batches b JOIN partitions p ON b.partition = p.id WHERE topic = ?")
  .iterate(outputTopic);
for (const { count, bytes } of rows as Iterable<{ count: number; bytes: Uint8Array }>) sum.add(bytes, count);
console.log(JSON.stringify(measure.report(sum)));
await broker.close();

/** Milliseconds from one commit to the next. */
function since(): number {
  const now = performance.now();
  const ms = now - last;
  last = now;
  return ms;
}
