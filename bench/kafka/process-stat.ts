import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

const ticksPerSecond = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

/** User and system time of all threads of a process so far, s. */
export const cpuSecondsOf = (pid: number): number => ticksOf(`/proc/${pid}/stat`) / ticksPerSecond;

/** Time of those threads whose name begins so, s: Java's compilers. */
export function threadSecondsOf(pid: number, prefix: RegExp): number {
  let ticks = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const file = `/proc/${pid}/task/${thread}/stat`;
    try {
      if (prefix.test(readFileSync(file, "utf8").replace(/^\d+ \(/, ""))) ticks += ticksOf(file);
    } catch {
      // It has ended meanwhile.
    }
  }
  return ticks / ticksPerSecond;
}

/** Peak of the resident memory, MiB. */
export const peakRssMb = (pid: number): number =>
  Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024);

/** What all cores have worked so far, s; time stolen by other machines counts. */
export function busySeconds(): number {
  const fields = readFileSync("/proc/stat", "utf8").split("\n")[0]!.trim().split(/\s+/).slice(1, 9).map(Number);
  return (fields.reduce((a, b) => a + b, 0) - fields[3]! - fields[4]!) / ticksPerSecond;
}

/** A thread's name may hold anything, so its fields are counted from behind it. */
function ticksOf(file: string): number {
  const text = readFileSync(file, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}
