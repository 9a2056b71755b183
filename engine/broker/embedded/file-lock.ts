import { DatabaseSync } from "node:sqlite";
import { BrokerError } from "#broker/broker-error.ts";
import { asBrokerError } from "./sqlite-error.ts";

export type FileLock = { release(): void };

/**
 * Keeps every other process (and every other thread of this one) off `path` until it is released or this process ends, however it ends:
 * the lock is the reserved lock of a small SQLite database beside the file, which the kernel drops with the process, so none is ever stale.
 * Its `user_version` holds the owner's pid; a reserved lock lets others read it.
 *
 * @throws {BrokerError} `BROKER_LOCKED`
 */
export function acquireFileLock(path: string): FileLock {
  const lockPath = `${path}.lock`;
  let connection: DatabaseSync | undefined;
  try {
    connection = new DatabaseSync(lockPath, { timeout: 0 });
    // A pid that a power cut takes is nobody's any more.
    connection.exec("PRAGMA synchronous = OFF");
    tellOwner(connection);
    // Whoever slips in between the two transactions holds the lock, and this process says so.
    connection.exec("BEGIN IMMEDIATE");
  } catch (cause) {
    const failure = asBrokerError(cause, lockPath);
    const held = isHeld(failure);
    const owner = held && connection !== undefined ? ownerOf(connection) : "";
    connection?.close();
    if (!held) throw failure;
    throw new BrokerError(
      "BROKER_LOCKED",
      `the log is open in another process${owner}: stop that one, or give this one a file of its own`,
      {
        at: path,
        cause,
      },
    );
  }
  const owned = connection;
  return { release: () => owned.close() };
}

const isHeld = (failure: unknown): boolean => failure instanceof BrokerError && failure.code === "BROKER_IO" && failure.retryable;

/** A full disk has no room for the pid, but must not keep the log from being read: the lock itself needs none. */
function tellOwner(connection: DatabaseSync): void {
  try {
    connection.exec(`BEGIN IMMEDIATE; PRAGMA user_version = ${process.pid}; COMMIT`);
  } catch (error) {
    const failure = asBrokerError(error, "");
    if (!(failure instanceof BrokerError) || failure.code !== "BROKER_DISK_FULL") throw error;
    if (connection.isTransaction) connection.exec("ROLLBACK");
  }
}

function ownerOf(connection: DatabaseSync): string {
  try {
    const pid = connection.prepare("PRAGMA user_version").get()?.["user_version"];
    return typeof pid === "number" && pid > 0 ? ` (pid ${pid}${pid === process.pid ? ", this one" : ""})` : "";
  } catch {
    // The owner is just writing its pid.
    return "";
  }
}
