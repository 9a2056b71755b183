import { afterEach, describe, expect, test } from "vitest";
import { bootstrap, tasksOf, TestGroup } from "./group-harness.ts";

describe.skipIf(bootstrap === undefined)("group member", () => {
  let group: TestGroup;
  afterEach(() => group.close());

  test("[K34] the first `assigned` comes before `join` settles, with all tasks and a generation", async () => {
    group = new TestGroup({ tasks: tasksOf({ lines: 3 }) });
    const member = await group.member("a").join();
    expect(member.told).toEqual(["assigned 3"]);
    expect(member.tasks).toEqual(["lines/0", "lines/1", "lines/2"]);
    expect(member.group.identity).toMatchObject({ generationId: member.generation, groupInstanceId: "a" });
    expect(member.group.identity!.memberId).not.toBe("");
  });

  test("[K33] a task is given back before another member has it; nobody else is disturbed", async () => {
    group = new TestGroup({ tasks: tasksOf({ lines: 3 }) });
    const first = await group.member("a").join();
    const second = await group.member("b").join();
    await expect.poll(() => first.told).toEqual(["assigned 3", "revoking 1", "revoked 1", "assigned 2"]);
    expect(second.told).toEqual(["assigned 1"]);
    expect(first.generation).toBe(second.generation);
    expect([...first.tasks, ...second.tasks].toSorted()).toEqual(["lines/0", "lines/1", "lines/2"]);
    const third = await group.member("c").join();
    await expect.poll(() => second.generation).toBe(third.generation);
    expect(second.told).toEqual(["assigned 1", "assigned 1"]);
    const fourth = await group.member("d").join();
    expect(fourth.told).toEqual(["assigned 0"]);
    expect(group.table.violations).toEqual([]);
  });

  test("[K36] who leaves is asked to give back everything first, and the others take over at once", async () => {
    group = new TestGroup({ tasks: tasksOf({ lines: 3 }) });
    const first = await group.member("a").join();
    const second = await group.member("b").join();
    await second.leave();
    expect(second.told).toEqual(["assigned 1", "revoking 1", "revoked 1"]);
    await expect.poll(() => first.tasks).toHaveLength(3);
    expect(second.group.identity).toBeUndefined();
    expect(group.table.violations).toEqual([]);
  });
});
