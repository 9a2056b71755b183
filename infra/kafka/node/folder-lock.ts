import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ClusterError } from "../cluster-error.ts";

/**
 * Does something while no other command starts or stops nodes of the same data folder.
 * @throws {ClusterError} `KAFKA_RUNNING` when another one is at it
 */
export async function withFolderLock<T>(dataFolder: string, work: () => Promise<T>): Promise<T> {
  const file = join(dataFolder, "command.pid");
  const holder = take(file);
  if (holder !== undefined) throw new ClusterError("KAFKA_RUNNING", `another command (pid ${holder}) is at work on ${dataFolder}`);
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

/** The pid of who has it, or undefined when we do now. */
function take(file: string): number | undefined {
  for (;;) {
    try {
      writeFileSync(file, String(process.pid), { flag: "wx" });
      return undefined;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = holderOf(file);
    if (holder !== undefined) return holder;
    dropDead(file);
  }
}

function holderOf(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, "utf8"));
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM" ? Number(readFileSync(file, "utf8")) : undefined;
  }
}

/** Of several that find a dead one's file, one takes it away. */
function dropDead(file: string): void {
  const dead = `${file}.${process.pid}`;
  try {
    renameSync(file, dead);
    rmSync(dead, { force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
