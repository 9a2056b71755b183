import { close, closeSync, fdatasync, fdatasyncSync, openSync } from "node:fs";
import { BrokerError } from "#broker/broker-error.ts";

/** Calls back when what was written to the file is on the disk; `fdatasync`, but for tests. */
export type WaitForDisk = (fd: number, done: (error: Error | null) => void) => void;

/**
 * Waits for the disk in SQLite's stead: transactions that were written without waiting (`synchronous = NORMAL`) lie in the write-ahead log in their
 * order, so whatever was committed before a call of `sync` is durable when that has ended. What SQLite does within `COMMIT` at `FULL` is this very
 * call; done here, the thread has its hands free meanwhile, and transactions that come while it is under way share the next one.
 * Source: sqlite.org/wal.html, "Performance Considerations".
 */
export class WalSync {
  /** Undefined for a database in memory, for which there is nothing to wait. */
  readonly #path: string | undefined;
  readonly #wait: WaitForDisk;
  #fd: number | undefined;
  #underWay = 0;
  #closed = false;
  #failure: BrokerError | undefined;

  constructor(database: string, wait: WaitForDisk = fdatasync) {
    this.#wait = wait;
    this.#path = database === ":memory:" ? undefined : `${database}-wal`;
  }

  /**
   * Calls back once, with the error if the disk has failed: then nobody knows what of the file it has, so that every later call fails too, until the
   * file is opened anew. At once for a database in memory.
   */
  sync(done: (error: BrokerError | undefined) => void): void {
    if (this.#path === undefined || this.#failure !== undefined) return done(this.#failure);
    const fd = this.#open(this.#path);
    this.#underWay += 1;
    this.#wait(fd, (error) => {
      this.#underWay -= 1;
      if (error !== null) this.#fail(error);
      if (this.#closed && this.#underWay === 0) close(fd);
      done(this.#failure);
    });
  }

  /** As `sync`, here and now; answers what `sync` calls back with. */
  syncNow(): BrokerError | undefined {
    if (this.#path === undefined || this.#failure !== undefined) return this.#failure;
    try {
      fdatasyncSync(this.#open(this.#path));
    } catch (error) {
      this.#fail(error);
    }
    return this.#failure;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#fd !== undefined && this.#underWay === 0) closeSync(this.#fd);
  }

  /** The file is there from the first transaction on, for as long as the connection is open. */
  #open(path: string): number {
    return (this.#fd ??= openSync(path, "r+"));
  }

  #fail(cause: unknown): void {
    const message = "the disk failed while it was waited for: what was written last may be lost, start again to see";
    this.#failure ??= new BrokerError("BROKER_IO", message, { at: this.#path!, cause });
  }
}
