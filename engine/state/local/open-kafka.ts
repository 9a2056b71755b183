import { rmSync } from "node:fs";
import { BrokerError } from "#broker/broker-error.ts";
import { EmbeddedDatabase } from "#broker/embedded/database.ts";
import { KafkaBroker, type KafkaBrokerOptions } from "#broker/kafka/kafka-broker.ts";
import { embeddedStateStorage } from "#state/embedded/embedded-state-storage.ts";
import type { StateStorage, TaskStateLimits } from "#state/task-state.ts";
import { LocalState } from "./local-state.ts";

export type KafkaLogOptions = Omit<KafkaBrokerOptions, "local"> & {
  /** File of the local copy of the state, made when it is missing; one process and member a file. `:memory:` keeps nothing. */
  readonly stateFile: string;
  readonly limits?: Partial<TaskStateLimits>;
};

export type KafkaLog = { readonly broker: KafkaBroker; readonly storage: StateStorage; close(): Promise<void> };

/**
 * Opens the log on a Kafka cluster, with the state of this process's tasks in one file. A file that is damaged is thrown away: the changelogs have it all.
 * @throws {BrokerError} `BROKER_LOCKED`, `BROKER_IO`
 */
export function openKafka({ stateFile, limits = {}, ...options }: KafkaLogOptions): KafkaLog {
  const database = openOrAnew(stateFile);
  const broker = new KafkaBroker({ ...options, local: new LocalState(database) });
  return {
    broker,
    storage: embeddedStateStorage(database, limits, { tellsExpired: true }),
    close: async () => {
      await broker.close();
      database.close();
    },
  };
}

function openOrAnew(path: string): EmbeddedDatabase {
  try {
    return new EmbeddedDatabase(path);
  } catch (error) {
    if (!(error instanceof BrokerError) || error.code !== "BROKER_CORRUPT") throw error;
    for (const end of ["", "-wal", "-shm"]) rmSync(path + end, { force: true });
    return new EmbeddedDatabase(path);
  }
}
