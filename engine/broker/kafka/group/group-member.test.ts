import { describeGroupsV5, decodeConsumerProtocolAssignment } from "@platformatic/kafka";
import { afterEach, expect, test } from "vitest";
import { describeKafka, openClient, until } from "#broker/kafka/proving/kafka-test.ts";
import { tasksOf, TestGroup, type TestMember } from "./group-harness.ts";

describeKafka("group member", () => {
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
    group = new TestGroup({ tasks: tasksOf({ lines: 3 }), sessionTimeoutMs: 20_000 });
    const first = await group.member("a").join();
    const second = await group.member("b").join();
    await second.leave();
    expect(second.told).toEqual(["assigned 1", "revoking 1", "revoked 1"]);
    await expect.poll(() => first.tasks, { timeout: 10_000 }).toHaveLength(3);
    expect(second.group.identity).toBeUndefined();
    expect(second.group.ownedTasks.size).toBe(0);
    expect(group.table.violations).toEqual([]);
  });

  test("[K36] who leaves before it has any task is gone at once, also while the others have not joined yet", async () => {
    group = new TestGroup({ tasks: tasksOf({ lines: 3 }) });
    const first = await group.member("a").join();
    const { promise: stuck, resolve: go } = Promise.withResolvers<void>();
    first.onRevoking = () => stuck;
    const second = group.member("b");
    const joining = expect(second.join()).rejects.toMatchObject({ ids: ["CLOSED"] });
    await expect.poll(() => first.told).toContain("revoking 1");
    await second.leave();
    await joining;
    go();
    await expect.poll(() => first.told).toEqual(["assigned 3", "revoking 1", "revoked 1", "assigned 3"]);
  });

  test("[K37] every member knows who owns which task and where to ask it; Kafka's own tools see partitions", async () => {
    group = new TestGroup({ tasks: tasksOf({ lines: 3, orders: 2 }) });
    const first = await group.member("a", { endpoint: "host-a:80" }).join();
    const second = await group.member("b").join();
    await expect.poll(() => first.generation).toBe(second.generation);
    expect(first.group.owners()).toEqual(second.group.owners());
    expect([...first.group.owners().keys()].toSorted()).toEqual(["lines/0", "lines/1", "lines/2", "orders/0", "orders/1"]);
    for (const task of first.tasks) expect(second.group.owners().get(task)).toEqual({ member: "a", endpoint: "host-a:80" });
    for (const task of second.tasks) expect(first.group.owners().get(task)).toEqual({ member: "b", endpoint: "" });
    const client = openClient("describe");
    const answer = await client.ask(await client.coordinator("group", group.name), describeGroupsV5.api, [[group.name], false], "describe");
    const described = answer.groups[0]!;
    expect(described).toMatchObject({ groupState: "Stable", protocolType: "consumer", protocolData: "millrace" });
    const partitions = Array.from(described.members.values(), ({ memberAssignment }) =>
      decodeConsumerProtocolAssignment(Buffer.from(memberAssignment as unknown as Buffer)).assignedPartitions.flatMap((each) =>
        each.partitions.map((partition) => `${each.topic}/${partition}`),
      ),
    );
    expect(partitions.flat().toSorted()).toEqual([...first.tasks, ...second.tasks].map((task) => `test.${task}`).toSorted());
  });

  test("[K32] tasks of a member that is gone go to those who have their state", async () => {
    const tasks = tasksOf({ lines: 6 });
    group = new TestGroup({ tasks });
    const members = ["a", "b", "c"].map((name) => group.member(name));
    const gone = (await members[0]!.join())!;
    await Promise.all([members[1]!.join(), members[2]!.join()]);
    await evenly(members, 2);
    const [first, second] = gone.tasks as [TestMember["tasks"][number], TestMember["tasks"][number]];
    members[1]!.held = new Map([[first, 500], [second, 3]]); // prettier-ignore
    members[2]!.held = new Map([[first, 20]]);
    await gone.leave();
    await evenly(members.slice(1), 3);
    expect(members[2]!.tasks).toContain(first);
    expect(members[1]!.tasks).toContain(second);
  });

  test("[K48] one event a rebalance says who has how many tasks, what came, stayed and went, and why", async () => {
    group = new TestGroup({ tasks: tasksOf({ lines: 3 }) });
    const first = await group.member("a").join();
    const second = group.member("b");
    second.held = new Map(["lines/0", "lines/1", "lines/2"].map((task, i) => [task as TestMember["tasks"][number], i * 10]));
    // Else the round may be over before the second is told who has what.
    first.onRevoking = async () => void (await until(() => second.group.owners().size === 3, 4000, "the second knows the owners"));
    await second.join();
    await expect.poll(() => first.rebalances).toHaveLength(2);
    expect(first.rebalances[0]).toMatchObject({
      leader: true,
      reason: "joins",
      gained: ["lines/0", "lines/1", "lines/2"],
      kept: [],
      lost: [],
    });
    expect(first.rebalances[0]!.why).toBe("gained 3: 3 from nobody, no state here");
    expect(first.rebalances[1]).toMatchObject({ reason: "gave back 1", gained: [], lost: ["lines/0"], counts: new Map([["a", 2], ["b", 1]]) }); // prettier-ignore
    expect(first.rebalances[1]!.why).toBe("b joined");
    expect(second.rebalances).toMatchObject([{ leader: false, gained: ["lines/0"], kept: [], lost: [] }]);
    expect(second.rebalances[0]!.why).toBe("gained 1: 1 from a, 1 with state here (at most 0 behind)");
  });

  test("[K34] a member that cannot take its tasks does not join, and the others have them", async () => {
    group = new TestGroup({ tasks: tasksOf({ lines: 3 }) });
    const first = await group.member("a").join();
    const broken = group.member("broken");
    broken.onAssigned = () => Promise.reject(new Error("no memory"));
    await expect(broken.join()).rejects.toThrow("no memory");
    await expect.poll(() => first.tasks, { timeout: 10_000 }).toHaveLength(3);
    expect(broken.told).toEqual(["assigned 1", "lost 1"]);
    expect(broken.failures).toEqual([]);
  });

  test("[K34] a member that cannot take more tasks later has failed: it is out, and the others have all of them", async () => {
    group = new TestGroup({ tasks: tasksOf({ lines: 4 }) });
    const first = await group.member("a").join();
    const second = await group.member("b").join();
    second.onAssigned = () => Promise.reject(new Error("no memory"));
    const third = await group.member("c").join();
    await expect.poll(() => second.failures, { timeout: 10_000 }).toMatchObject([{ message: "no memory" }]);
    await evenly([first, third], 2);
    expect(second.tasks).toEqual([]);
    expect(group.table.violations).toEqual([]);
  });

  test("[K36] a member whose `revoking` fails has lost the tasks", async () => {
    group = new TestGroup({ tasks: tasksOf({ lines: 3 }) });
    const first = await group.member("a").join();
    first.onRevoking = () => Promise.reject(new Error("cannot commit"));
    const second = await group.member("b").join();
    expect(second.tasks).toHaveLength(1);
    await expect.poll(() => first.told).toEqual(["assigned 3", "revoking 1", "lost 1", "assigned 2"]);
  });

  test("[K36] who does not give tasks back in time loses them: the others go on, and it hears of it when its hook has ended", async () => {
    group = new TestGroup({ tasks: tasksOf({ lines: 3 }), rebalanceTimeoutMs: 1000 });
    const slow = await group.member("slow").join();
    const { promise: stuck, resolve: unstick } = Promise.withResolvers<void>();
    slow.onRevoking = () => stuck;
    // The table counts what the hooks say; the tasks that are late are the slow member's until its hook has ended.
    const second = await group.member("second", { table: new TestGroup({ tasks: [] }).table }).join();
    expect(second.tasks).toHaveLength(1);
    expect(slow.told).toEqual(["assigned 3", "revoking 1"]);
    expect(slow.group.owns(second.tasks[0]!)).toBe(false);
    unstick();
    await expect.poll(() => slow.told).toEqual(["assigned 3", "revoking 1", "revoked 1", "lost 1", "assigned 2"]);
    expect(slow.group.ownedTasks.size).toBe(2);
  });

  /** All are told of the same generation, with so many tasks each. */
  async function evenly(members: readonly TestMember[], count: number): Promise<void> {
    await until(
      () => members.every(({ tasks, generation }) => tasks.length === count && generation === members[0]!.generation),
      15_000,
      `${count} tasks each`,
    );
  }
});
