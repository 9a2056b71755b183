import { type MessagePort, workerData } from "node:worker_threads";
import { openEmbeddedBroker } from "./embedded-broker.ts";
import { serveAppender } from "./port.ts";

export type AppenderWorkerData = { readonly path: string; readonly port: MessagePort; readonly gate: Int32Array };

/** Started by tests: an embedded log on a thread of its own. While `gate[0]` is 1 it stands still within its writes, having set `gate[1]`. */
const { path, port, gate } = workerData as AppenderWorkerData;
const broker = openEmbeddedBroker({
  path,
  clock: () => {
    Atomics.store(gate, 1, Atomics.load(gate, 0));
    Atomics.wait(gate, 0, 1);
    return Date.now();
  },
});
await broker.ensureTopics([{ name: "test.port", partitions: 1, retention: { kind: "forever" } }]);
serveAppender(broker, port);
