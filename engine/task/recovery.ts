import { judge, type RetryPolicy } from "./failure.ts";
import type { Task } from "./task.ts";

export type Recovery =
  | { readonly kind: "retry"; readonly afterMs: number }
  | { readonly kind: "dead-lettered"; readonly reason: string }
  | { readonly kind: "stopped"; readonly cause: unknown };

/**
 * Brings a failed task back by replay:
 * 1. everything since its last commit is dropped and done again up to the failed record  2. that record is tried again later, leaves by the dead
 * letters, or stops the task, as `judge` says. What went well before it stands either way and is committed with what follows.
 */
export function recover(task: Task, attempt: number, { policy, random }: { policy: RetryPolicy; random: () => number }): Recovery {
  const failure = task.failure!;
  const verdict = failure.byRecord ? judge(failure.error, attempt, { policy, random }) : ({ kind: "stop", cause: failure.error } as const);
  if (verdict.kind === "stop") {
    // Its uncommitted work is never committed: the next start tries again from the last commit.
    return { kind: "stopped", cause: verdict.cause };
  }
  if (!task.rewind(failure.step)) {
    return {
      kind: "stopped",
      cause: new Error("processing was not deterministic: the second run failed before the record that had failed", {
        cause: task.failure!.error,
      }),
    };
  }
  if (verdict.kind === "retry") return { kind: "retry", afterMs: verdict.afterMs };
  task.takeOutNext({ node: failure.node, reason: verdict.reason, detail: verdict.detail });
  return { kind: "dead-lettered", reason: verdict.reason };
}
