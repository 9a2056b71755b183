import { existsSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { BrokerError } from "#broker/broker-error.ts";
import { acquireFileLock, type FileLock } from "./file-lock.ts";
import { asBrokerError } from "./sqlite-error.ts";
import { type WaitForDisk, WalSync } from "./wal-sync.ts";

/**
 * `full`: on the disk when the call returns. `normal`: written behind what came before it and in front of what comes after it, so the next
 * `full` transaction, or `wal.sync`, makes it durable too; a power cut may cost it until then, a killed process does not.
 */
export type Durability = "full" | "normal";

/** "mill" in ASCII; tells our files from other people's. */
export const applicationId = 0x6d696c6c;

/** Pages of the write-ahead log at which a transaction also checkpoints: more writes fewer bytes, fewer makes the worst commit shorter. */
const checkpointPages = 4000;

/** SQLite's own page cache: a commit behind a page swap looks through all of it, and what falls out of it is still in the system's. */
const cacheKib = 8192;

/**
 * Owns the one connection to the embedded log's file. Log, groups and state stand in it side by side, each with tables and a schema version of
 * its own; all of them are used from the thread that opened it, and all calls are synchronous.
 */
export class EmbeddedDatabase {
  readonly path: string;
  /** For preparing and reading; writes go through `transaction`. */
  readonly connection: DatabaseSync;
  /** Waits until what `normal` transactions wrote is durable. */
  readonly wal: WalSync;
  readonly #lock: FileLock | undefined;
  #durability: Durability = "full";
  #inTransaction = false;
  readonly #beforeClose: (() => void)[] = [];
  #closed = false;

  /** @throws {BrokerError} `BROKER_LOCKED`, `BROKER_CORRUPT`, `BROKER_IO` */
  constructor(path: string, waitForDisk?: WaitForDisk) {
    this.path = path === ":memory:" ? path : realPathOf(path);
    this.#lock = path === ":memory:" ? undefined : acquireFileLock(this.path);
    let connection: DatabaseSync | undefined;
    try {
      connection = new DatabaseSync(this.path, { enableForeignKeyConstraints: false, timeout: 0 });
      claim(connection, this.path);
      connection.exec(`
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        PRAGMA wal_autocheckpoint = ${checkpointPages};
        PRAGMA journal_size_limit = 134217728;
        PRAGMA cache_size = -${cacheKib};
        PRAGMA temp_store = MEMORY;
        CREATE TABLE IF NOT EXISTS schema_versions(part TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID;
      `);
    } catch (error) {
      connection?.close();
      this.#lock?.release();
      throw asBrokerError(error, this.path);
    }
    this.connection = connection;
    this.wal = new WalSync(this.path, waitForDisk);
  }

  /**
   * Runs `work` in one transaction: all of it or, when it throws, nothing. Not to be nested.
   * @throws {BrokerError} `BROKER_DISK_FULL`, `BROKER_IO`, `BROKER_CORRUPT`; what else `work` throws comes out as it is
   */
  transaction<T>(durability: Durability, work: () => T): T {
    if (this.#closed) throw new BrokerError("BROKER_CLOSED", "the log is closed", { at: this.path });
    if (this.#inTransaction) throw new Error("a transaction of the embedded log is under way already");
    const { connection } = this;
    this.#inTransaction = true;
    try {
      if (durability !== this.#durability) {
        connection.exec(`PRAGMA synchronous = ${durability}`);
        this.#durability = durability;
      }
      connection.exec("BEGIN IMMEDIATE");
      const result = work();
      connection.exec("COMMIT");
      return result;
    } catch (error) {
      // A full disk may have rolled back already.
      if (connection.isTransaction) connection.exec("ROLLBACK");
      throw asBrokerError(error, this.path);
    } finally {
      this.#inTransaction = false;
    }
  }

  /** Runs `read` as `transaction` reports errors; for reads outside of one. */
  read<T>(read: () => T): T {
    if (this.#closed) throw new BrokerError("BROKER_CLOSED", "the log is closed", { at: this.path });
    try {
      return read();
    } catch (error) {
      throw asBrokerError(error, this.path);
    }
  }

  /**
   * Brings the tables of one part of the house up to date: `steps[i]` leads from version i to i + 1; steps that were once released never change.
   * @throws {BrokerError} `BROKER_CORRUPT` when the file was written by a newer version
   */
  migrate(part: string, steps: readonly string[]): void {
    const row = this.read(() => this.connection.prepare("SELECT version FROM schema_versions WHERE part = ?").get(part));
    const version = Number(row?.["version"] ?? 0);
    if (version > steps.length) {
      throw new BrokerError(
        "BROKER_CORRUPT",
        `the tables of "${part}" have version ${version}, this program knows ${steps.length}: use the newer one`,
        {
          at: this.path,
        },
      );
    }
    if (version === steps.length) return;
    // Nothing was acknowledged on the new tables yet: what is, carries them along.
    this.transaction("normal", () => {
      for (const step of steps.slice(version)) this.connection.exec(step);
      this.connection.prepare("INSERT OR REPLACE INTO schema_versions VALUES (?, ?)").run(part, steps.length);
    });
  }

  /** The transaction that makes the write-ahead log long copies it into the file: so it begins, until somebody else does that. */
  checkpointByItself(): void {
    if (!this.#closed) this.connection.exec(`PRAGMA wal_autocheckpoint = ${checkpointPages}`);
  }

  /** For what belongs to the file and is open as long as it is. */
  beforeClose(act: () => void): void {
    this.#beforeClose.push(act);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const act of this.#beforeClose) act();
    this.wal.close();
    try {
      this.connection.close();
    } finally {
      this.#lock?.release();
    }
  }
}

/** One file has one lock, by whatever links it is reached. */
function realPathOf(path: string): string {
  if (existsSync(path)) return realpathSync(path);
  const folder = dirname(path);
  return existsSync(folder) ? join(realpathSync(folder), basename(path)) : path;
}

function claim(connection: DatabaseSync, path: string): void {
  const id = Number(connection.prepare("PRAGMA application_id").get()?.["application_id"]);
  if (id === applicationId) return;
  const tables = Number(connection.prepare("SELECT count(*) AS n FROM sqlite_schema").get()?.["n"]);
  if (id !== 0 || tables > 0) throw new BrokerError("BROKER_CORRUPT", "the file is another program's database", { at: path });
  connection.exec(`PRAGMA application_id = ${applicationId}`);
}
