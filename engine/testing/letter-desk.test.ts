import { embeddedStateStorage } from "#state/embedded/embedded-state-storage.ts";
import { testLetterDesk } from "./letter-desk-conformance.ts";
import { openTestBroker } from "./worker-bench.ts";

testLetterDesk("letters on an embedded log", async ({ plan }) => {
  const broker = await openTestBroker(plan);
  return { broker, storage: embeddedStateStorage(broker.database), elsewhere: () => broker };
});
