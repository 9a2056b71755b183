import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { eventRegistry } from "#schemas/event-registry.ts";
import { openEmbeddedBroker } from "#engine/broker/embedded/embedded-broker.ts";
import { serveAppender } from "#engine/broker/embedded/port.ts";

/** The log's thread, as `millrace dev` has one: the disk is waited for here, never on the thread that answers HTTP. */
const { path, port } = workerData as { readonly path: string; readonly port: MessagePort };
const broker = openEmbeddedBroker({ path });
await broker.ensureTopics(
  eventRegistry.map(({ topic, partitions }) => ({ name: topic, partitions, retention: { kind: "forever" } as const })),
);
serveAppender(broker, port);
parentPort!.postMessage("open");
