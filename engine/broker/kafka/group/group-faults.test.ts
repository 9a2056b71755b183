import { afterEach, beforeEach, expect, test } from "vitest";
import { type FaultProxy, startFaultProxy } from "#broker/kafka/proving/fault-proxy.ts";
import { clusterSettings, describeKafka, until } from "#broker/kafka/proving/kafka-test.ts";
import { tasksOf, TestGroup, type TestMember } from "./group-harness.ts";

describeKafka("group member whose requests and answers get lost", () => {
  let proxy: FaultProxy;
  let group: TestGroup;
  beforeEach(async () => {
    proxy = await startFaultProxy();
    group = new TestGroup({ tasks: tasksOf({ lines: 4 }), sessionTimeoutMs: 5000 });
  });
  afterEach(async () => {
    await group.close();
    await proxy.close();
  });

  const proxied = (name: string): TestMember => group.member(name, { cluster: clusterSettings({ via: proxy.via }) });

  async function atRest(members: readonly TestMember[], count: number): Promise<void> {
    await until(
      () => members.every(({ tasks, generation }) => tasks.length === count && generation === members[0]!.generation),
      20_000,
      `${count} tasks each, not ${members.map(({ told }) => told.join(", ")).join(" | ")}`,
    );
    expect(group.table.violations).toEqual([]);
  }

  const losses = ["JoinGroup", "SyncGroup"].flatMap((api) => (["undone", "done"] as const).map((outcome) => ({ api, outcome })));

  test.each(losses)("[K46] a newcomer whose $api is lost ($outcome) joins all the same", async ({ api, outcome }) => {
    const first = await group.member("a").join();
    proxy.loseAnswer({ api, outcome, times: 2 });
    const second = await proxied("b").join();
    await atRest([first, second], 2);
    expect(second.told).toEqual(["assigned 2"]);
  });

  test.each(losses)("[K46] a leader whose $api is lost ($outcome) in a rebalance loses nothing that it keeps", async ({ api, outcome }) => {
    const first = await proxied("a").join();
    proxy.loseAnswer({ api, outcome });
    const second = await group.member("b").join();
    await atRest([first, second], 2);
    expect(first.told).toEqual(["assigned 4", "revoking 2", "revoked 2", "assigned 2"]);
  });

  test.each(losses)(
    "[K46] a follower whose $api is lost ($outcome) in a rebalance loses nothing that it keeps",
    async ({ api, outcome }) => {
      const first = await group.member("a").join();
      const second = await proxied("b").join();
      await atRest([first, second], 2);
      proxy.loseAnswer({ api, outcome });
      const [third, fourth] = await Promise.all([group.member("c").join(), group.member("d").join()]);
      await atRest([first, second, third, fourth], 1);
      expect(second.told.filter((told) => told.startsWith("lost"))).toEqual([]);
    },
  );

  test("[K46] a member that is cut off for longer than its session has lost its tasks, and comes back by itself", async () => {
    const first = await group.member("a").join();
    const second = await proxied("b").join();
    await atRest([first, second], 2);
    proxy.cut();
    await until(() => first.tasks.length === 4, 20_000, "the other has taken over");
    expect(second.told).toEqual(["assigned 2"]);
    proxy.heal();
    await until(() => second.told.length === 3, 20_000, "back");
    expect(second.told).toEqual(["assigned 2", "lost 2", "assigned 2"]);
    await until(() => first.tasks.length === 2, 20_000, "shared again");
  });

  test("[K46] a member that is cut off for less than its session goes on as if nothing was", async () => {
    const first = await group.member("a").join();
    const second = await proxied("b").join();
    await atRest([first, second], 2);
    const { generation } = second;
    proxy.cut();
    const cutAt = performance.now();
    await until(() => performance.now() - cutAt > 1500, 5000, "a while");
    proxy.heal();
    proxy.resetCounts();
    await until(() => (proxy.counts()["Heartbeat"]?.answers ?? 0) > 2, 10_000, "heartbeats again");
    expect(second.told).toEqual(["assigned 2"]);
    expect(first.generation).toBe(generation);
  });

  test("[K46] a leader that dies between the join and its plan is followed by another, and all come to rest", async () => {
    const leader = proxied("a");
    await leader.join();
    const second = await group.member("b").join();
    await atRest([leader, second], 2);
    // From now on the leader hears what it has to plan for, and its plan goes nowhere.
    proxy.onRequest("SyncGroup", () => {
      proxy.cut();
      void leader.close();
    });
    const third = await group.member("c").join();
    await until(() => second.tasks.length === 2 && third.tasks.length === 2, 20_000, "two each");
    expect(group.table.violations).toEqual([]);
    expect(second.told.filter((told) => told.startsWith("lost"))).toEqual([]);
  });
});
