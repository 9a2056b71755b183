import { flushCompileCache } from "node:module";
import { parseArgs } from "node:util";
import { runCrashScenario } from "#broker/crash-scenario.ts";
import { EmbeddedDatabase } from "#broker/embedded/database.ts";
import { KafkaBroker } from "#broker/kafka/kafka-broker.ts";
import { clusterOfTests } from "#broker/kafka/proving/cluster-of-tests.ts";
import { LocalState } from "#state/local/local-state.ts";
import { quickTimeouts } from "./quick-timeouts.ts";
import { renamedBroker } from "./renamed-broker.ts";

// Who is killed writes no cache at its end.
flushCompileCache();
/** Started by tests: kills itself at a step of its second commit. */
const { positionals } = parseArgs({ allowPositionals: true });
const [path = "", prefix = "", step = ""] = positionals;

let armed = false;
const kafka = new KafkaBroker({
  cluster: clusterOfTests(),
  local: new LocalState(new EmbeddedDatabase(path)),
  topics: { replication: 1, minIsr: 1 },
  ...quickTimeouts,
  onCommitStep: (name) => {
    if (armed && name === step) process.kill(process.pid, "SIGKILL");
  },
});

await runCrashScenario(renamedBroker(kafka, prefix), () => {
  armed = true;
});
throw new Error(`commit went by without the step ${step}`);
