import { afterEach, beforeEach, expect, test } from "vitest";
import { seededRandom } from "#broker/conformance-harness.ts";
import { type FaultProxy, startFaultProxy } from "#broker/kafka/proving/fault-proxy.ts";
import { clusterSettings, describeKafka, until } from "#broker/kafka/proving/kafka-test.ts";
import { tasksOf, TestGroup, type TestMember } from "./group-harness.ts";

const churnMs = Number(process.env["CHURN_MS"] ?? 8000);

describeKafka("group that never rests", () => {
  let group: TestGroup;
  let proxy: FaultProxy;
  beforeEach(async () => void (proxy = await startFaultProxy()));
  afterEach(async () => {
    await group.close();
    await proxy.close();
  });

  test.each([0, 0.5])(
    "[K43] five members come, go and are killed at random: a task never has two owners, and in the end each has one (%d requests or answers lost a step)",
    async (losses) => {
      const random = seededRandom("churn");
      // By the proxy, so without threads, which would cost more than all the rest.
      const cluster = clusterSettings({ via: proxy.via });
      const tasks = tasksOf({ lines: 7, orders: 5, stock: 4 });
      group = new TestGroup({ tasks, cluster, sessionTimeoutMs: 5000, rebalanceTimeoutMs: 10_000 });
      const living = new Map<string, TestMember>();
      // Who still gives its tasks back is not started again: two under one name are another law's matter [K41].
      const leaving = new Map<string, Promise<unknown>>();
      const did: string[] = [];
      const begin = performance.now();
      while (performance.now() - begin < churnMs) {
        const name = `m${Math.floor(random() * 5)}`;
        const member = living.get(name);
        if (leaving.has(name)) {
          did.push(`${name} is let go`);
          await leaving.get(name);
        } else if (member === undefined) {
          did.push(`${name} joins`);
          living.set(name, start(name, random));
        } else if (random() < 0.5) {
          did.push(`${name} is killed`);
          living.delete(name);
          await member.close();
          // Half of them are back at once, under the same name.
          if (random() < 0.5) living.set(name, start(name, random));
        } else {
          did.push(`${name} leaves`);
          living.delete(name);
          leaving.set(
            name,
            member.leave().then(() => leaving.delete(name)),
          );
        }
        if (random() < losses) {
          const api = ["JoinGroup", "SyncGroup", "Heartbeat", "LeaveGroup", "FindCoordinator"][Math.floor(random() * 5)]!;
          proxy.loseAnswer({ api, outcome: random() < 0.5 ? "done" : "undone" });
          did.push(`${api} is lost`);
        }
        const pause = performance.now() + random() ** 2 * 1500;
        await until(() => performance.now() > pause, 3000, "a pause");
      }
      await Promise.all(leaving.values());
      for (const name of ["m0", "m1", "m2"]) if (!living.has(name)) living.set(name, start(name, random));
      const members = [...living.values()];
      await until(() => atRest(members, tasks.length), 40_000, `at rest after ${did.join(", ")}`);
      expect(group.table.violations).toEqual([]);
      expect(members.flatMap(({ failures }) => failures)).toEqual([]);
      const counts = members.map(({ tasks: own }) => own.length);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      for (const member of members) expect([...member.group.ownedTasks].toSorted()).toEqual(member.tasks.toSorted());
    },
    churnMs + 60_000,
  );

  function start(name: string, random: () => number): TestMember {
    const member = group.member(name);
    // Now and then giving back takes longer than a heartbeat.
    member.onRevoking = () => new Promise((resolve) => setTimeout(resolve, random() ** 3 * 800));
    // It may leave again before it has joined.
    member.join().catch(() => undefined);
    return member;
  }
});

/** One generation, and the table of the hooks has one owner for every task. */
function atRest(members: readonly TestMember[], tasks: number): boolean {
  const { group, generation } = members[0]!;
  return (
    members.every((member) => member.generation === generation && member.group.identity?.generationId === generation) &&
    group.owners().size === tasks &&
    members.reduce((sum, member) => sum + member.tasks.length, 0) === tasks
  );
}
