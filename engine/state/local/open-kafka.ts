import { closeSync, existsSync, openSync, readSync, renameSync, rmSync } from "node:fs";
import { BrokerError } from "#broker/broker-error.ts";
import { applicationId, EmbeddedDatabase } from "#broker/embedded/database.ts";
import { KafkaBroker, type KafkaBrokerOptions } from "#broker/kafka/kafka-broker.ts";
import { embeddedStateStorage } from "#state/embedded/embedded-state-storage.ts";
import type { StateStorage, TaskStateLimits } from "#state/task-state.ts";
import { LocalState, type RestoreBounds } from "./local-state.ts";

export type KafkaLogOptions = Omit<KafkaBrokerOptions, "local"> & {
  /** File of the local copy of the state, made when it is missing; one process and member a file. `:memory:` keeps nothing. */
  readonly stateFile: string;
  readonly limits?: Partial<TaskStateLimits>;
  readonly restore?: Partial<RestoreBounds>;
};

export type KafkaLog = { readonly broker: KafkaBroker; readonly storage: StateStorage; close(): Promise<void> };

/** Half of what a storage has by itself: a full tail is what a restart reads first, and on Kafka a larger one spares nothing that was to be measured. */
const tailEntries = 64_000;

/**
 * Opens the log on a Kafka cluster, with the state of this process's tasks in one file. A file that is damaged is set aside, as
 * `….damaged`: the changelogs have it all.
 * @throws {BrokerError} `BROKER_LOCKED`, `BROKER_IO`, `BROKER_CORRUPT` for another program's database
 */
export function openKafka({ stateFile, limits = {}, restore = {}, ...options }: KafkaLogOptions): KafkaLog {
  const database = openOrAnew(stateFile);
  const broker = new KafkaBroker({ ...options, local: new LocalState(database, restore) });
  return {
    broker,
    storage: embeddedStateStorage(database, { tailEntries, ...limits }, { tellsExpired: true }),
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
    if (!(error instanceof BrokerError) || error.code !== "BROKER_CORRUPT" || isForeign(path)) throw error;
    for (const end of ["", "-wal", "-shm"]) {
      rmSync(`${path}.damaged${end}`, { force: true });
      if (existsSync(path + end)) renameSync(path + end, `${path}.damaged${end}`);
    }
    return new EmbeddedDatabase(path);
  }
}

/** A database of another program, which was named by mistake. */
function isForeign(path: string): boolean {
  const header = Buffer.alloc(applicationAt + 4);
  const file = openSync(path, "r");
  const read = readSync(file, header);
  closeSync(file);
  return (
    read === header.length && header.toString("latin1", 0, format.length) === format && header.readInt32BE(applicationAt) !== applicationId
  );
}

/** As SQLite's file format has it. */
const format = "SQLite format 3\0";
const applicationAt = 68;
