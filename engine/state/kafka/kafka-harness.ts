import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CrashSteps, Harness } from "#broker/conformance-harness.ts";
import { textsOf } from "#broker/change-texts.ts";
import type { Broker } from "#broker/broker.ts";
import { EmbeddedDatabase } from "#broker/embedded/database.ts";
import { Deltas } from "#broker/embedded/deltas.ts";
import { KafkaBroker, type KafkaBrokerOptions } from "#broker/kafka/kafka-broker.ts";
import { FaultProxy, startFaultProxy } from "#broker/kafka/proving/fault-proxy.ts";
import { clusterSettings, uniqueName } from "#broker/kafka/proving/kafka-test.ts";
import { transactionSteps } from "#broker/kafka/transaction/transaction.ts";
import { KafkaClient } from "#broker/kafka/wire/kafka-client.ts";
import { LocalState } from "#state/local/local-state.ts";
import { quickTimeouts } from "./quick-timeouts.ts";
import { renamedBroker } from "./renamed-broker.ts";
import { VirtualRetention } from "./virtual-retention.ts";

export type KafkaHarness = Harness & {
  readonly kafka: () => KafkaBroker;
  readonly proxy: FaultProxy;
  readonly prefix: () => string;
  readonly folder: string;
};

export const kafkaCrashes: CrashSteps = { undoneAt: transactionSteps.filter((step) => step !== "ended"), doneAt: ["ended", "local"] };

/** What the conformance suite does to a log on the tests' cluster, whose names begin with a prefix of its own. */
export async function openKafkaHarness(options: Partial<KafkaBrokerOptions> = {}): Promise<KafkaHarness> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-kafka-"));
  const proxy = await startFaultProxy();
  const client = new KafkaClient(clusterSettings(), "suite");
  const retention = new VirtualRetention(client);
  // Each log of the suite has names of its own, and a local copy.
  let prefix = `${uniqueName("suite")}.`;
  let database: EmbeddedDatabase;
  let kafka: KafkaBroker;
  const pathOf = (log: string): string => join(folder, `${log}db`);
  const open = (): Broker => {
    database = new EmbeddedDatabase(pathOf(prefix));
    kafka = new KafkaBroker({
      cluster: clusterSettings({ via: proxy.via }),
      local: new LocalState(database),
      topics: { replication: 1, minIsr: 1 },
      trimEveryMs: 0,
      ...quickTimeouts,
      ...options,
    });
    const named = renamedBroker(kafka, prefix);
    const [opened, file, names] = [kafka, database, prefix];
    return {
      ...named,
      ensureTopics: async (specs) => {
        await named.ensureTopics(specs);
        retention.watch(specs.map((spec) => ({ ...spec, name: names + spec.name })));
      },
      close: async () => {
        await opened.close();
        file.close();
      },
    };
  };
  let broker = open();
  const reopened = (): Broker => (broker = open());
  return {
    broker,
    kafka: () => kafka,
    proxy,
    prefix: () => prefix,
    folder,
    endsOfOneMoment: false,
    changesOf: async (task) => textsOf(new Deltas(database).read(task)),
    passTime: async (ms) => {
      await retention.pass(ms);
      await kafka.trim();
    },
    loseNextAnswer: (outcome) => proxy.loseAnswer({ api: "EndTxn", outcome }),
    reopen: async () => {
      await broker.close();
      return reopened();
    },
    crashAt: async (step) => {
      await broker.close();
      prefix = `${uniqueName("crash")}.`;
      await killedAt([pathOf(prefix), prefix, step]);
      return reopened();
    },
    close: async () => {
      await broker.close();
      await Promise.all([proxy.close(), client.close()]);
      rmSync(folder, { recursive: true });
    },
  };
}

/** Runs the crash scenario in a process of its own until it has killed itself. */
async function killedAt(args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "crashing-process.ts"), ...args], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [, signal] = (await once(child, "exit")) as [number | null, string | null];
  if (signal !== "SIGKILL") throw new Error(`the process was to be killed at ${args.at(-1)}, but ended with ${signal}`);
}
