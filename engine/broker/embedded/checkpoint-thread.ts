import { statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";

/** Started by `Checkpointer`: copies the write-ahead log into the file when it is told to, and says when that is done. */
const { path, inode } = workerData as { readonly path: string; readonly inode: bigint };
// Copied into another file, what is in the log would be lost for the one that it belongs to.
if (statSync(path, { bigint: true }).ino !== inode) throw new Error(`${path} is not the file that is written to`);

/** While this copies, more is written: again, as long as that is much, since what is left is the writer's to copy. */
const mostRounds = 4;
const littlePages = 500;

const connection = new DatabaseSync(path, { timeout: 0 });
connection.exec("PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -256");
const passive = connection.prepare("PRAGMA wal_checkpoint(PASSIVE)");
const look = connection.prepare("PRAGMA wal_checkpoint(NOOP)");

parentPort!.on("message", (message: "go" | "close") => {
  if (message === "close") {
    connection.close();
    parentPort!.close();
    return;
  }
  for (let round = 0; round < mostRounds; round++) {
    const { busy } = passive.get() as { busy: number };
    const { log, checkpointed } = look.get() as { log: number; checkpointed: number };
    if (busy !== 0 || log - checkpointed < littlePages) break;
  }
  parentPort!.postMessage("done");
});
