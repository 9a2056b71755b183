import { expect, test } from "vitest";
import { taskId, type TaskId } from "#broker/broker.ts";
import { seededRandom } from "#broker/conformance-harness.ts";
import { assignTasks } from "./assignment.ts";

const ownersOf = (shares: ReadonlyMap<string, readonly TaskId[]>): Map<TaskId, string> =>
  new Map([...shares].flatMap(([member, tasks]) => tasks.map((task) => [task, member] as const)));

test("[C9] whoever comes and goes, shares stay even, complete, and move no more tasks than they must", () => {
  const random = seededRandom("assignment");
  for (let round = 0; round < 200; round++) {
    const tasks = ["a", "b", "c"].flatMap((name) => Array.from({ length: Math.floor(random() * 7) }, (_, i) => taskId(name, i)));
    let members = ["m0"];
    let shares = assignTasks(tasks, members, new Map());
    for (let change = 1; change < 8; change++) {
      const before = ownersOf(shares);
      const leaver = members.length > 1 && random() < 0.4 ? members[Math.floor(random() * members.length)] : undefined;
      members = leaver === undefined ? [...members, `m${change}`] : members.filter((member) => member !== leaver);
      shares = assignTasks(tasks, members, before);
      const after = ownersOf(shares);
      expect([...after.keys()].toSorted()).toEqual(tasks.toSorted());
      const sizes = members.map((member) => shares.get(member)!.length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      const moved = tasks.filter((task) => before.get(task) !== after.get(task)).length;
      const must =
        leaver === undefined ? shares.get(`m${change}`)!.length : [...before.values()].filter((owner) => owner === leaver).length;
      expect(moved).toBe(must);
    }
  }
});

test("[C9] each member gets a part of every sub-topology", () => {
  const tasks = ["light", "heavy"].flatMap((name) => Array.from({ length: 6 }, (_, i) => taskId(name, i)));
  const alone = assignTasks(tasks, ["a"], new Map());
  for (const share of assignTasks(tasks, ["a", "b", "c"], ownersOf(alone)).values()) {
    expect(share.filter((task) => task.startsWith("light"))).toHaveLength(2);
  }
});

test("[C9] without members nobody owns anything", () => {
  expect(assignTasks([taskId("a", 0)], [], new Map()).size).toBe(0);
});
