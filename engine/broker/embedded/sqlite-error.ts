import { BrokerError, type BrokerErrorCode } from "#broker/broker-error.ts";

/** Primary result codes of SQLite, https://www.sqlite.org/rescode.html. */
const primary = { busy: 5, locked: 6, ioErr: 10, corrupt: 11, full: 13, cantOpen: 14, notADatabase: 26 } as const;

function resultCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return undefined;
  return error.errcode & 0xff;
}

/** What SQLite could not do, as the room's error; anything else (a bug) comes back as it is. */
export function asBrokerError(error: unknown, at: string): unknown {
  const code = resultCodeOf(error);
  if (code === undefined) return error;
  const made = (name: BrokerErrorCode, message: string, retryable: boolean): BrokerError =>
    new BrokerError(name, message, { retryable, at, cause: error });
  switch (code) {
    case primary.full:
      return made("BROKER_DISK_FULL", "the disk is full: nothing was written", true);
    case primary.busy:
    case primary.locked:
      return made("BROKER_IO", "another program holds a lock on the log: nothing was written", true);
    case primary.ioErr:
      return made("BROKER_IO", "the disk failed: nothing was written", true);
    case primary.cantOpen:
      return made("BROKER_IO", "the file cannot be opened; does its folder exist, and may this process write there?", false);
    case primary.corrupt:
      return made("BROKER_CORRUPT", "the file is damaged", false);
    case primary.notADatabase:
      return made("BROKER_CORRUPT", "the file is no SQLite database", false);
    default:
      return error;
  }
}
