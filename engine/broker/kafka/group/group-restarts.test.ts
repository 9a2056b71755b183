import { afterEach, expect, test } from "vitest";
import { clusterSettings, describeKafka, openClient, until } from "#broker/kafka/proving/kafka-test.ts";
import { tasksOf, TestGroup, type TestMember } from "./group-harness.ts";
import { GroupRequests } from "./group-requests.ts";

describeKafka("group member that is started again, thrown out or fenced", () => {
  let group: TestGroup;
  afterEach(() => group.close());

  /** A group of two at rest. */
  async function two(settings: { readonly sessionTimeoutMs?: number } = {}): Promise<readonly [TestMember, TestMember]> {
    group = new TestGroup({ tasks: tasksOf({ lines: 4 }), endpoint: "host:1", ...settings });
    const first = await group.member("a").join();
    const second = await group.member("b").join();
    await until(() => first.tasks.length === 2 && first.generation === second.generation, 15_000, "two members at rest");
    return [first, second];
  }

  test.each([
    ["its leader", 0],
    ["a follower", 1],
  ])("[K39] %s comes back within its session: it has its tasks at once, and nobody rebalances", async (_, place) => {
    const members = await two();
    const [gone, other] = [members[place]!, members[1 - place]!];
    const [before, tasks] = [gone.generation, gone.tasks];
    const view = other.group.owners();
    await gone.close();
    const back = await group.member(gone.name).join();
    expect(back.tasks).toEqual(tasks);
    expect(back.generation).toBe(before);
    expect(back.told).toEqual(["assigned 2"]);
    expect(back.rebalances).toMatchObject([{ reason: "was started again", gained: tasks, counts: new Map([["a", 2], ["b", 2]]) }]); // prettier-ignore
    expect(back.group.owners()).toEqual(view);
    // Its first heartbeats are answered under the old generation, and the next rebalance takes nothing from it.
    const third = await group.member("c").join();
    expect(third.generation).toBe(before + 2);
    await until(() => back.generation === third.generation, 15_000, "all in one generation");
    expect(back.told.filter((told) => told.startsWith("lost"))).toEqual([]);
    expect(group.table.violations).toEqual([]);
  });

  test("[K39] who comes back with another endpoint makes it known to all", async () => {
    const [first, second] = await two();
    await second.close();
    const back = await group.member("b", { endpoint: "host:2" }).join();
    await until(() => first.group.owners().get(back.tasks[0]!)?.endpoint === "host:2", 15_000, "the new endpoint");
    expect(back.told[0]).toBe("assigned 2");
    expect([...back.told, ...first.told].filter((told) => told.startsWith("lost"))).toEqual([]);
  });

  test("[K39] who is killed while it has tasks to give back is waited for no longer once it is back", async () => {
    group = new TestGroup({ tasks: tasksOf({ lines: 3 }), sessionTimeoutMs: 20_000 });
    const first = await group.member("a").join();
    first.onRevoking = () => new Promise(() => undefined);
    const second = group.member("b");
    const joining = second.join();
    await expect.poll(() => first.told, { timeout: 10_000 }).toContain("revoking 1");
    await first.close();
    const back = await group.member("a").join();
    await joining;
    await until(() => back.generation === second.generation, 15_000, "all in one generation");
    expect([...back.tasks, ...second.tasks].toSorted()).toEqual(["lines/0", "lines/1", "lines/2"]);
    expect(group.table.violations).toEqual([]);
  });

  test("[K40] when a member is killed, the others have its tasks when its session is over", async () => {
    const [first, second] = await two();
    await first.close();
    await until(() => second.tasks.length === 4, 15_000, "all tasks");
    expect(second.told).toEqual(["assigned 2", "assigned 4"]);
    expect(second.rebalances.at(-1)).toMatchObject({ leader: true, counts: new Map([["b", 4]]) });
    expect(second.rebalances.at(-1)!.why).toBe("a gone; gained 2: 2 from a, no state here");
  });

  test("[K41] who joins under the name of a living member takes over; the earlier one has lost everything, for good", async () => {
    const [first, second] = await two();
    const tasks = first.tasks;
    const twin = await group.member("a", { table: new TestGroup({ tasks: [] }).table }).join();
    expect(twin.tasks).toEqual(tasks);
    await until(() => first.failures.length > 0, 15_000, "the first has failed");
    expect(first.failures).toMatchObject([{ ids: ["FENCED_INSTANCE_ID"] }]);
    expect(first.told).toEqual(["assigned 4", "revoking 2", "revoked 2", "assigned 2", "lost 2"]);
    expect(first.group.identity).toBeUndefined();
    await first.leave();
    expect(second.group.owners().get(tasks[0]!)?.member).toBe("a");
    expect(twin.told).toEqual(["assigned 2"]);
  });

  test("[K40] a member that was thrown out has lost its tasks and joins again by itself", async () => {
    const [first, second] = await two();
    const client = openClient("removal");
    await new GroupRequests(client, group.name, "b").leave("", "removed by hand", { forMs: 5000 });
    await until(() => second.told.some((told) => told.startsWith("lost")), 15_000, "lost");
    await until(() => second.tasks.length === 2 && first.generation === second.generation, 15_000, "two members at rest");
    expect(second.told.slice(0, 2)).toEqual(["assigned 2", "lost 2"]);
    expect(second.failures).toEqual([]);
  });

  test("[K35] a newcomer with another topology is refused, and the group goes on", async () => {
    const [first, second] = await two();
    const newcomer = group.member("c", { tasks: tasksOf({ lines: 5 }) });
    await expect(newcomer.join()).rejects.toMatchObject({ ids: ["GROUP_TOPOLOGY"] });
    expect(newcomer.told).toEqual([]);
    await until(() => first.generation === second.generation && first.group.owners().size === 4, 15_000, "two members at rest");
    expect([...first.told, ...second.told].filter((told) => told.startsWith("lost"))).toEqual([]);
    expect([first.tasks.length, second.tasks.length]).toEqual([2, 2]);
  });

  test.each([
    ["its leader", 0],
    ["a follower", 1],
  ])("[K35] when %s comes back with another topology, it is refused and the rest takes over", async (_, place) => {
    const members = await two({ sessionTimeoutMs: 20_000 });
    const [gone, other] = [members[place]!, members[1 - place]!];
    await gone.close();
    await expect(group.member(gone.name, { tasks: tasksOf({ lines: 5 }) }).join()).rejects.toMatchObject({ ids: ["GROUP_TOPOLOGY"] });
    await until(() => other.tasks.length === 4, 15_000, "all tasks");
    await other.leave();
    const next = await group.member("next", { tasks: tasksOf({ lines: 5 }) }).join();
    expect(next.tasks).toHaveLength(5);
    expect(group.table.violations).toEqual([]);
  });

  test("[K42] the first join ends when the cluster does not answer in time", async () => {
    group = new TestGroup({ tasks: tasksOf({ lines: 1 }) });
    const cluster = { ...clusterSettings(), bootstrap: [{ host: "127.0.0.1", port: 1 }] };
    await expect(group.member("a", { cluster, joinTimeoutMs: 300 }).join()).rejects.toMatchObject({ ids: ["NETWORK"] });
  });

  test("[K42] what Kafka refuses for good is told at once", async () => {
    group = new TestGroup({ tasks: tasksOf({ lines: 1 }) });
    await expect(group.member("a", { sessionTimeoutMs: 1 }).join()).rejects.toMatchObject({ ids: ["INVALID_SESSION_TIMEOUT"] });
  });
});
