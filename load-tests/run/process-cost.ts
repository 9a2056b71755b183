import { readFileSync } from "node:fs";

/** What a process has cost so far; undefined once it is gone, and where there is no `/proc`. */
export type ProcessCost = {
  /** User and system time of all its threads. */
  readonly cpuSeconds: number;
  /** The most memory that it ever had resident. */
  readonly peakMb: number;
};

const ticksPerSecond = 100;

export function processCost(pid: number): ProcessCost | undefined {
  try {
    // Behind the name of the program, which may hold anything: utime and stime are fields 14 and 15.
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1)!.split(" ");
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    return {
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
      peakMb: Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024),
    };
  } catch {
    return undefined;
  }
}
