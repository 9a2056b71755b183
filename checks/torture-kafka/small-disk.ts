import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, cpSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

const sizeMb = 64;
const limitBytes = 4096;

/**
 * A disk that can be full: a small file system in memory, filled by a file beside the worker's (writes fail with ENOSPC); where nothing may be mounted,
 * a bound to the size of the files that the worker's process writes (RLIMIT_FSIZE; Node ignores the signal, writes fail with EFBIG).
 */
export class SmallDisk {
  readonly folder: string;
  readonly kind: "tmpfs" | "limit";
  readonly #unmount = (): void => void spawnSync("umount", ["-l", this.folder]);

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${sizeMb}m`, "millrace-torture", folder]).status === 0;
    this.kind = mounted ? "tmpfs" : "limit";
    if (mounted) process.once("exit", this.#unmount);
  }

  /** From now on this process can write nothing more. */
  fill(pid: number): void {
    if (this.kind === "limit") return limit(pid, String(limitBytes));
    const ballast = openSync(join(this.folder, "ballast"), "w");
    try {
      for (let size = 1 << 20; size > 0;) {
        try {
          writeSync(ballast, Buffer.alloc(size));
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
          size >>= 1;
        }
      }
    } finally {
      closeSync(ballast);
    }
  }

  free(pid: number): void {
    if (this.kind === "limit") limit(pid, "unlimited");
    else rmSync(join(this.folder, "ballast"));
  }

  /** What lies on it is copied to `keepIn` first. */
  close(keepIn: string): void {
    if (this.kind === "limit") return;
    cpSync(this.folder, keepIn, { recursive: true, filter: (path) => !path.endsWith("ballast") });
    this.#unmount();
    process.off("exit", this.#unmount);
  }
}

function limit(pid: number, bytes: string): void {
  // The soft bound alone, which may be raised again.
  execFileSync("prlimit", ["--pid", String(pid), `--fsize=${bytes}:unlimited`]);
}
