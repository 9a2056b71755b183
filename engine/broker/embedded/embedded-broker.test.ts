import { MessageChannel } from "node:worker_threads";
import type { Broker } from "#broker/broker.ts";
import { testBroker } from "#broker/conformance.ts";
import type { Harness } from "#broker/conformance-harness.ts";
import { embeddedCrashes as crashes, openHarness } from "./embedded-harness.ts";
import { connectAppender, serveAppender } from "./port.ts";

testBroker("embedded log in memory", async () => openHarness("memory"), { keeps: "nothing" });
testBroker("embedded log in a file", async () => openHarness("file"), { keeps: "all", crashes });
testBroker("embedded log with nothing in memory", async () => openHarness("file", { tailBytes: 0 }), { keeps: "all", crashes });
testBroker("embedded log with little in memory", async () => openHarness("file", { tailBytes: 1000 }), { keeps: "all", crashes });
testBroker("embedded log with gaps in its offsets", async () => openHarness("file", { appendGap: gaps() }), { keeps: "all", crashes });
testBroker("embedded log behind a port", async () => throughPort(openHarness("memory")), { keeps: "nothing" });

/** Gaps of 0 to 2 offsets in front of batches and of records within them. */
function gaps(): () => number {
  let turn = 0;
  return () => [0, 2, 0, 1, 0, 0][turn++ % 6]!;
}

/** The appender on the other side of a port, as the gateway's thread has it; the rest of the broker as it is. */
function throughPort(harness: ReturnType<typeof openHarness>): Harness {
  const { broker } = harness;
  const { port1, port2 } = new MessageChannel();
  serveAppender(broker, port1);
  const appender = connectAppender(port2);
  const proxied: Broker = {
    append: (batches) => appender.append(batches),
    ensureTopics: (specs) => broker.ensureTopics(specs),
    join: (group, hooks) => broker.join(group, hooks),
    fetch: (positions, limits) => broker.fetch(positions, limits),
    committed: (group, tasks) => broker.committed(group, tasks),
    commit: (commit) => broker.commit(commit),
    close: async () => {
      await appender.close();
      await broker.close();
    },
  };
  return { ...harness, broker: proxied, close: () => appender.close().then(() => harness.close()) };
}
