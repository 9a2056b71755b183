import { expect, test } from "vitest";
import { changeOf } from "#broker/change-texts.ts";
import { topics } from "#broker/conformance-harness.ts";
import { group, shared, taskIds, tasks, TestMember } from "#broker/conformance-member.ts";
import { GroupRequests } from "#broker/kafka/group/group-requests.ts";
import { describeKafka, openClient, until } from "#broker/kafka/proving/kafka-test.ts";
import { testProcesses } from "./test-processes.ts";

const task = taskIds[0]!;

describeKafka("tasks and rebalances, on Kafka", { timeout: 60_000 }, () => {
  test("[K86] a commit that a rebalance overtook is made under the new generation, when its tasks have stayed", async () => {
    const { open } = testProcesses();
    const [first, second] = [await open(), await open()];
    await first.broker.ensureTopics(topics);
    const alone = { tasks: tasks.slice(0, 1) };
    const one = await new TestMember().join(first.broker, "one", alone);
    const offsets = Promise.withResolvers<void>();
    first.proxy.onRequest("TxnOffsetCommit", () => offsets.promise);
    const commit = one.commitOf(task, 1n, { changes: [changeOf("counts", "c1")] });
    const overtaken = first.broker.commit(commit);
    await until(() => first.proxy.counts()["TxnOffsetCommit"]?.requests === 1, 10_000, "the offsets are on their way");
    const two = await new TestMember().join(second.broker, "two", alone);
    await until(() => one.told.length === 2, 10_000, "the first member knows of the second");
    expect([one.told, two.told]).toEqual([["assigned 1", "assigned 1"], ["assigned 0"]]);
    offsets.resolve();
    expect(await overtaken).toMatchObject({ kind: "committed" });
    // What is begun under a generation that is over is another matter.
    expect(await first.broker.commit({ ...one.commitOf(task, 2n), generation: commit.generation })).toMatchObject({ kind: "fenced" });
  });

  test("[K86] a member whose last commit was answered behind the loss of its task goes on where its successor stopped", async () => {
    const { prefix, open } = testProcesses();
    const [first, second] = [await open(), await open()];
    await first.broker.ensureTopics(topics);
    const one = await new TestMember().join(first.broker, "one");
    await first.broker.commit(one.commitOf(task, 1n, { changes: [changeOf("counts", "c1")] }));
    const answered = Promise.withResolvers<void>();
    const joins = Promise.withResolvers<void>();
    first.proxy.onAnswer("EndTxn", () => answered.promise);
    first.proxy.onRequest("JoinGroup", () => joins.promise);
    const late = first.broker.commit(one.commitOf(task, 2n, { changes: [changeOf("counts", "c2")] }));
    await until(() => first.proxy.counts()["EndTxn"]?.answers === 2, 10_000, "the second commit has ended");

    await new GroupRequests(openClient("evict"), `${prefix}${group}`, "one").leave("", "thrown out by the test", { forMs: 5000 });
    await until(() => one.told.includes("lost 3"), 10_000, "the first member knows that it was thrown out");
    const two = await new TestMember().join(second.broker, "two");
    await shared(two);
    expect(await second.broker.committed(group, [task])).toMatchObject([{ number: 2n }]);
    expect(await second.broker.commit(two.commitOf(task, 3n, { changes: [changeOf("counts", "c3")] }))).toMatchObject({
      kind: "committed",
    });

    answered.resolve();
    expect(await late).toMatchObject({ kind: "committed" });
    two.onRevoking = async () => void (two.tasks = []);
    joins.resolve();
    await until(() => one.told.at(-1)?.startsWith("assigned") === true, 20_000, "the first member is back");
    await two.leave();
    await until(() => one.tasks.length === taskIds.length, 20_000, "the first member has all tasks");
    expect(await first.broker.committed(group, [task])).toMatchObject([{ number: 3n }]);
    expect(await first.broker.commit(one.commitOf(task, 4n, { changes: [changeOf("counts", "c4")] }))).toMatchObject({ kind: "committed" });
    expect(first.changesOf(task)).toEqual(["counts=c1", "counts=c2", "counts=c3", "counts=c4"]);
  });
});
