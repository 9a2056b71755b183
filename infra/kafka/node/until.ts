import { setTimeout } from "node:timers/promises";
import { ClusterError } from "../cluster-error.ts";

/** Asks again every so often until it is true. @throws {ClusterError} `KAFKA_TIMEOUT` after the deadline, naming what was waited for */
export async function until(what: string, holds: () => boolean | Promise<boolean>, deadlineMs: number): Promise<void> {
  if (!(await becomes(holds, deadlineMs))) throw new ClusterError("KAFKA_TIMEOUT", `after ${deadlineMs / 1000} s still not: ${what}`);
}

/** Whether it becomes true before the deadline. */
export async function becomes(holds: () => boolean | Promise<boolean>, deadlineMs: number): Promise<boolean> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    if (await holds()) return true;
    if (performance.now() >= end) return false;
    await setTimeout(50);
  }
}
