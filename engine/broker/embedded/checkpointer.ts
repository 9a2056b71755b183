import { once } from "node:events";
import { statSync } from "node:fs";
import { Worker } from "node:worker_threads";
import type { EmbeddedDatabase } from "./database.ts";

/** Pages of the write-ahead log that are not in the file yet, at which the thread copies them. */
const copyPages = 3000;
/** Pages at which the log is to begin anew. Larger copies what is often written less often; smaller is faster to read, and to open behind a crash. */
const restartPages = 12_000;
/** So few are copied by the writer itself, between two transactions: only when all is copied does SQLite begin the log anew. */
const finishPages = 1500;
/** Where the thread cannot follow, the writer copies all of it, within a transaction. */
const lastResortPages = 40_000;
/** Transactions between two looks. */
const pace = 8;

/**
 * Copies the write-ahead log into the file beside the writing. By itself SQLite does it within the transaction that makes the log too long, which
 * then takes tens of milliseconds, and everybody behind it waits. The thread is started when there is something to copy, so that a short run has none;
 * when it fails, SQLite does it by itself again.
 */
export class Checkpointer {
  readonly #database;
  /** Of the file that is written to, whatever its path may lead to later. */
  readonly #inode: bigint;
  readonly #look;
  readonly #finish;
  #transactions = 0;
  #thread: Worker | undefined;
  #underWay = false;
  #failed = false;
  #closed = false;

  constructor(database: EmbeddedDatabase) {
    this.#database = database;
    this.#look = database.connection.prepare("PRAGMA wal_checkpoint(NOOP)");
    this.#finish = database.connection.prepare("PRAGMA wal_checkpoint(PASSIVE)");
    this.#failed = database.path === ":memory:";
    this.#inode = this.#failed ? 0n : statSync(database.path, { bigint: true }).ino;
  }

  /** To be called behind each transaction, outside of it. */
  wrote(): void {
    if (this.#failed || ++this.#transactions % pace !== 0) return;
    this.#act();
  }

  /** Settles when the thread, if there is one, has let go of the file. */
  close(): Promise<void> | undefined {
    this.#closed = true;
    return this.#thread && this.#end(this.#thread);
  }

  async #end(thread: Worker): Promise<void> {
    thread.ref();
    const ended = once(thread, "exit");
    thread.postMessage("close");
    await ended;
  }

  #act(): void {
    if (this.#underWay || this.#failed || this.#closed) return;
    try {
      const { log, checkpointed } = this.#look.get() as { log: number; checkpointed: number };
      const left = log - checkpointed;
      if (log >= restartPages && left < finishPages) this.#finish.get();
      else if (log >= restartPages || left >= copyPages) {
        this.#underWay = true;
        (this.#thread ??= this.#start()).postMessage("go");
      }
    } catch {
      // A disk that is full or fails is told to whoever writes.
      this.#fail();
    }
  }

  #start(): Worker {
    const thread = new Worker(new URL("./checkpoint-thread.ts", import.meta.url), {
      workerData: { path: this.#database.path, inode: this.#inode },
    });
    thread.unref();
    thread.on("message", () => {
      this.#underWay = false;
      this.#act();
    });
    thread.on("error", () => this.#fail());
    thread.on("exit", () => this.#fail());
    this.#database.connection.exec(`PRAGMA wal_autocheckpoint = ${lastResortPages}`);
    return thread;
  }

  #fail(): void {
    this.#thread = undefined;
    if (this.#failed || this.#closed) return;
    this.#failed = true;
    this.#database.checkpointByItself();
  }
}
