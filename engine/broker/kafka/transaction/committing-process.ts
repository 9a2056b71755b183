import { flushCompileCache } from "node:module";
import { parseArgs } from "node:util";
import { KafkaClient } from "../wire/kafka-client.ts";
import { TransactionManager } from "./transaction-manager.ts";
import { type TransactionBench, transactionOf } from "./transaction-samples.ts";
import type { TransactionVersion } from "./transaction-requests.ts";

// Who is killed writes no cache at its end.
flushCompileCache();
/** Started by tests: commits one transaction and kills itself at a step of the second. */
const { values } = parseArgs({
  options: {
    host: { type: "string" },
    port: { type: "string" },
    version: { type: "string" },
    step: { type: "string" },
    bench: { type: "string" },
  },
});
const bench = JSON.parse(values.bench ?? "") as TransactionBench;
let armed = false;
const manager = new TransactionManager({
  client: new KafkaClient(
    { bootstrap: [{ host: values.host!, port: Number(values.port) }], clientId: "committing-process" },
    "transaction",
  ),
  transactionalId: bench.id,
  timeoutMs: 30_000,
  version: Number(values.version) as TransactionVersion,
  onStep: (step) => {
    if (armed && step === values.step) process.kill(process.pid, "SIGKILL");
  },
});
await manager.open();
await manager.run(transactionOf(bench, "first", 1n));
armed = true;
await manager.run(transactionOf(bench, "second", 2n));
throw new Error(`the transaction went by without the step ${values.step}`);
