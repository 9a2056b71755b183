import { onTestFinished } from "vitest";
import type { Broker, TaskId } from "#broker/broker.ts";
import { textsOf } from "#broker/change-texts.ts";
import { EmbeddedDatabase } from "#broker/embedded/database.ts";
import { Deltas } from "#broker/embedded/deltas.ts";
import { KafkaBroker, type KafkaBrokerOptions } from "#broker/kafka/kafka-broker.ts";
import { type FaultProxy, startFaultProxy } from "#broker/kafka/proving/fault-proxy.ts";
import { clusterSettings, uniqueName } from "#broker/kafka/proving/kafka-test.ts";
import { embeddedStateStorage } from "#state/embedded/embedded-state-storage.ts";
import { LocalState } from "#state/local/local-state.ts";
import type { StateStorage } from "#state/task-state.ts";
import { quickTimeouts } from "./quick-timeouts.ts";
import { renamedBroker } from "./renamed-broker.ts";

/** A log with a local copy and a network of its own, as a process of its own would have it. */
export type TestProcess = {
  readonly broker: Broker;
  readonly kafka: KafkaBroker;
  readonly proxy: FaultProxy;
  readonly local: LocalState;
  readonly storage: StateStorage;
  /** What the tail of the local copy holds, as `change-texts.ts` has it. */
  readonly changesOf: (task: TaskId) => readonly string[];
  readonly close: () => Promise<void>;
};

/** Opens processes that share the topics and groups of one test under names of their own; all is closed when the test ends. */
export function testProcesses(): {
  readonly prefix: string;
  readonly open: (options?: Partial<KafkaBrokerOptions>) => Promise<TestProcess>;
} {
  const prefix = `${uniqueName("processes")}.`;
  const open = async (options: Partial<KafkaBrokerOptions> = {}): Promise<TestProcess> => {
    const proxy = await startFaultProxy();
    const database = new EmbeddedDatabase(":memory:");
    const local = new LocalState(database);
    const cluster = clusterSettings({ via: proxy.via });
    const kafka = new KafkaBroker({ cluster, local, topics: { replication: 1, minIsr: 1 }, ...quickTimeouts, ...options });
    let closing: Promise<void> | undefined;
    const close = async (): Promise<void> => {
      proxy.heal();
      await kafka.close();
      await proxy.close();
      database.close();
    };
    const process: TestProcess = {
      broker: renamedBroker(kafka, prefix),
      kafka,
      proxy,
      local,
      storage: embeddedStateStorage(database),
      changesOf: (task) => textsOf(new Deltas(database).read(task)),
      close: () => (closing ??= close()),
    };
    onTestFinished(() => process.close());
    return process;
  };
  return { prefix, open };
}
