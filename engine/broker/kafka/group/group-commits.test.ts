import { describeGroupsV5 } from "@platformatic/kafka";
import { afterEach, expect, test } from "vitest";
import { type GroupSpec, taskId, type TaskId } from "#broker/broker.ts";
import { createTopic, describeKafka, openClient, uniqueName, until } from "#broker/kafka/proving/kafka-test.ts";
import type { TransactionOutcome } from "#broker/kafka/transaction/transaction.ts";
import { TransactionManager } from "#broker/kafka/transaction/transaction-manager.ts";
import type { KafkaClient } from "#broker/kafka/wire/kafka-client.ts";
import { TestGroup } from "./group-harness.ts";
import type { Identity } from "./group-requests.ts";

describeKafka("commits of a group member", () => {
  let group: TestGroup;
  let manager: TransactionManager;
  let topic: string;
  afterEach(async () => {
    await group.close();
    await manager.close();
  });

  /** A group over a topic of four partitions, and who commits its offsets. */
  async function open(): Promise<void> {
    topic = await createTopic("committed", 4);
    const tasks: GroupSpec["tasks"] = [0, 1, 2, 3].map((partition) => ({
      task: taskId("lines", partition),
      inputs: [{ topic, partition }],
    }));
    group = new TestGroup({ tasks });
    manager = new TransactionManager({ client: openClient("commit"), transactionalId: uniqueName("commit"), timeoutMs: 10_000 });
    await manager.open();
  }

  const stateOf = async (client: KafkaClient, node: number): Promise<string> => {
    const { groups } = await client.ask(node, describeGroupsV5.api, [[group.name], false], "describe");
    return groups[0]!.groupState;
  };

  const commit = (member: Identity, task: TaskId): Promise<TransactionOutcome> => {
    const offsets = [{ topic, partition: Number(task.split("/")[1]), offset: 1n, metadata: "" }];
    return manager.run({ batches: [], group: group.name, member, offsets });
  };

  test("[K47] what a member commits while it gives tasks back, Kafka takes, also when the next rebalance is being prepared", async () => {
    await open();
    const first = await group.member("a").join();
    const kinds: string[] = [];
    first.onRevoking = async (tasks) => {
      const identity = first.group.identity!;
      for (const task of tasks) kinds.push((await commit(identity, task)).kind);
      if (kinds.length > 2) return;
      // Another one comes, and the group waits for this member.
      void group.member("c").join();
      const client = openClient("state");
      const node = await client.coordinator("group", group.name);
      await until(async () => (await stateOf(client, node)) === "PreparingRebalance", 10_000, "a rebalance is being prepared");
      for (const task of tasks) kinds.push((await commit(identity, task)).kind);
    };
    await group.member("b").join();
    await until(() => group.members.every(({ tasks }) => tasks.length > 0), 10_000, "all have tasks");
    expect(kinds.slice(0, 4)).toEqual(["committed", "committed", "committed", "committed"]);
    expect(new Set(kinds)).toEqual(new Set(["committed"]));
  });

  test("[K47] a commit that the next generation has overtaken is refused, and taken under the new identity once the join is settled", async () => {
    await open();
    const first = await group.member("a").join();
    const old = first.group.identity!;
    const second = await group.member("b").join();
    await until(() => first.generation === second.generation, 10_000, "one generation");
    const [kept] = first.tasks;
    expect(await commit(old, kept!)).toMatchObject({ kind: "fenced", by: "member" });
    await first.group.renew(old);
    expect(first.group.owns(kept!)).toBe(true);
    expect((await commit(first.group.identity!, kept!)).kind).toBe("committed");
  });

  test("[K47] a member whose identity was refused joins again by itself, without losing what it owns", async () => {
    await open();
    const first = await group.member("a").join();
    const before = first.group.identity!;
    const renewed = first.group.renew(before);
    await until(() => first.generation > before.generationId, 10_000, "a new generation");
    await renewed;
    expect(first.told).toEqual(["assigned 4", "assigned 4"]);
    expect((await commit(first.group.identity!, first.tasks[0]!)).kind).toBe("committed");
  });

  test("[K47] what a member commits behind the session's end or under another's name is refused", async () => {
    await open();
    const first = await group.member("a").join();
    const zombie = first.group.identity!;
    await first.close();
    const twin = await group.member("a").join();
    expect(await commit(zombie, twin.tasks[0]!)).toMatchObject({ kind: "fenced", by: "member" });
    expect((await commit(twin.group.identity!, twin.tasks[0]!)).kind).toBe("committed");
    const last = twin.group.identity!;
    await twin.leave();
    expect(await commit(last, taskId("lines", 0))).toMatchObject({ kind: "fenced", by: "member" });
  });
});
