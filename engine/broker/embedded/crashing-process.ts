import { parseArgs } from "node:util";
import { runCrashScenario } from "#broker/crash-scenario.ts";
import { openEmbeddedBroker } from "./embedded-broker.ts";

/** Started by tests: kills itself at a step of its second commit, or, without a step, holds the file open until it is killed. */
const { positionals } = parseArgs({ allowPositionals: true });
const [path = "", step] = positionals;

let armed = false;
const broker = openEmbeddedBroker({
  path,
  onCommitStep: ({ name }) => {
    if (armed && name === step) process.kill(process.pid, "SIGKILL");
  },
});

if (step === undefined) {
  process.stdout.write("open\n");
  setInterval(() => undefined, 60_000);
} else {
  await runCrashScenario(broker, () => {
    armed = true;
  });
  throw new Error(`commit went by without the step ${step}`);
}
