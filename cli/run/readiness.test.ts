import { expect, test } from "vitest";
import { taskId } from "@millrace/engine";
import { readinessOf } from "./readiness.ts";
import { taskRanges } from "./task-ranges.ts";
import type { WorkerStatus } from "./worker-messages.ts";

const running: WorkerStatus = { started: true, rebalancing: undefined, owned: 4, opening: [], restoring: [], stopped: [] };

test.each<[what: string, status: Partial<WorkerStatus>, ready: boolean, detail: string]>([
  ["at the start", { started: false, owned: 0, rebalancing: "joins" }, false, "rebalancing: joins"],
  [
    "while its first tasks are restored",
    { started: false, opening: ["a/0", "a/1"], restoring: [{ task: "a/0", remaining: 900, perSecond: 300 }] },
    false,
    "restoring 2 of 4 tasks (900 records left, 300 a second)",
  ],
  ["when all run", {}, true, "running 4 tasks"],
  ["when it takes others over", { opening: ["a/3"] }, true, "restoring 1 of 4 tasks; running 3"],
  ["while the group rebalances", { rebalancing: "the group rebalances" }, true, "rebalancing: the group rebalances; running 4 tasks"],
  ["after a bug", { stopped: ["a/2"] }, false, "tasks stand still after a bug: a/2; see the log"],
])("[R16] a worker %s", (_, status, ready, detail) => {
  expect(readinessOf({ ...running, ...status })).toEqual({ ready, detail });
});

test("[R17] tasks are told in few words", () => {
  const tasks = [taskId("a", 2), taskId("a", 0), taskId("b", 7), taskId("a", 1), taskId("a", 11)];
  expect(taskRanges(tasks)).toBe("a/0-2,11 b/7");
  expect(taskRanges([])).toBe("");
});
