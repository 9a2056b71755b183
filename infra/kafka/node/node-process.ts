import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { NodeFiles } from "./node-files.ts";
import { becomes } from "./until.ts";

/** How a process came to its end. */
export type End = "controlled" | "killed" | "was not running";

const killDeadlineMs = 10_000;

/** Whether the process is alive and still that of the node: a pid may have gone to another program since. */
export function isNode(pid: number | null, files: NodeFiles): pid is number {
  return pid !== null && commandLine(pid).includes(files.properties);
}

/** Ends a node at once, as a crash does, and waits until it is gone. */
export async function killNode(pid: number | null, files: NodeFiles): Promise<End> {
  if (!isNode(pid, files)) return "was not running";
  process.kill(pid, "SIGKILL");
  await becomes(() => hasEnded(pid, files), killDeadlineMs);
  return "killed";
}

/** Asks a node to hand over what it leads and to end; after the deadline it is killed. */
export async function stopNode(pid: number | null, files: NodeFiles, deadlineMs: number): Promise<End> {
  if (!isNode(pid, files)) return "was not running";
  // A stopped process would take note of nothing.
  process.kill(pid, "SIGCONT");
  process.kill(pid, "SIGTERM");
  if (await becomes(() => hasEnded(pid, files), deadlineMs)) return "controlled";
  return killNode(pid, files);
}

/**
 * Whether nothing is left of a process of the node but its exit code. Its command line does not tell: a process has none for a moment when it becomes
 * another program, and none while it dies, when its sockets are still open.
 */
export function hasEnded(pid: number, files: NodeFiles): boolean {
  if (process.platform !== "linux") return !isNode(pid, files);
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, threads] = [fields[0], Number(fields[17])];
    return (state === "Z" || state === "X") && threads <= 1;
  } catch {
    return true;
  }
}

/** Empty for a process that ends or has ended. */
function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return process.platform === "linux" ? "" : commandLineByPs(pid);
  }
}

function commandLineByPs(pid: number): string {
  try {
    return execFileSync("ps", ["-ww", "-o", "args=", "-p", String(pid)], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    return "";
  }
}
