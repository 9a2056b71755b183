import { parseArgs } from "node:util";
import { EmbeddedDatabase } from "#broker/embedded/database.ts";
import { KafkaBroker } from "#broker/kafka/kafka-broker.ts";
import { clusterOfTests } from "#broker/kafka/proving/cluster-of-tests.ts";
import { renamedBroker } from "#state/kafka/renamed-broker.ts";
import { LocalState } from "#state/local/local-state.ts";
import { LetterDesk } from "#delivery/letter-desk.ts";
import { Shop } from "./letter-shop.ts";

/** Started by tests: redrives ten letters, then kills itself at a step of the commit of the next ten. */
const { positionals } = parseArgs({ allowPositionals: true });
const [prefix = "", step = ""] = positionals;

let armed = false;
const kafka = new KafkaBroker({
  cluster: clusterOfTests(),
  local: new LocalState(new EmbeddedDatabase(":memory:")),
  topics: { replication: 1, minIsr: 1 },
  // Who goes on behind it must not wait for these.
  sessionTimeoutMs: 120_000,
  transactionTimeoutMs: 120_000,
  onCommitStep: (name) => {
    if (armed && name === step) process.kill(process.pid, "SIGKILL");
  },
});
const shop = new Shop(1);
const desk = new LetterDesk({ broker: renamedBroker(kafka, prefix), plan: shop.plan, clock: Date.now });
const never = new AbortController().signal;
await desk.settle(shop.request({ limit: 10 }), never);
armed = true;
await desk.settle(shop.request({ limit: 10 }), never);
throw new Error(`letters were settled without the step ${step}`);
