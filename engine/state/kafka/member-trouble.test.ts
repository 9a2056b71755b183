import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { changeOf } from "#broker/change-texts.ts";
import { batchOf, expectCode, results, textsIn, topics } from "#broker/conformance-harness.ts";
import { shared, taskIds, TestMember } from "#broker/conformance-member.ts";
import { describeKafka, until } from "#broker/kafka/proving/kafka-test.ts";
import { testProcesses } from "./test-processes.ts";

const task = taskIds[0]!;

describeKafka("members in trouble, on Kafka", { timeout: 60_000 }, () => {
  test("[K87] a member that cannot ask how far its state is behind joins all the same", async () => {
    const { open } = testProcesses();
    const [first, second] = [await open(), await open()];
    await first.broker.ensureTopics(topics);
    const one = await new TestMember().join(first.broker, "one");
    await first.broker.commit(one.commitOf(task, 1n, { changes: [changeOf("counts", "c1")] }));
    first.proxy.loseAnswer({ api: "ListOffsets", outcome: "undone", times: 100_000 });
    one.onRevoking = async (revoked) => void (one.tasks = one.tasks.filter((each) => !revoked.includes(each)));
    const two = await new TestMember().join(second.broker, "two");
    await shared(one, two);
    expect(one.told).not.toContain("ended");
    expect(one.tasks).toContain(task);
  });

  test("[K87] a commit before which nothing can be asked is aborted, and may be tried again", async () => {
    const { open } = testProcesses();
    const { broker, proxy } = await open({ transactionDeadlineMs: 500 });
    await broker.ensureTopics(topics);
    const member = await new TestMember().join(broker, "only");
    const stop = proxy.onRequest("OffsetFetch", () => proxy.loseAnswer({ api: "OffsetFetch", outcome: "undone" }));
    expect(await broker.commit(member.commitOf(task, 1n))).toMatchObject({ kind: "aborted" });
    stop();
    expect(await broker.commit(member.commitOf(task, 1n))).toMatchObject({ kind: "committed" });
  });

  test("[K102] a commit that Kafka would refuse each time is an error that says why and where, and leaves nothing", async () => {
    const { open } = testProcesses();
    const { broker } = await open();
    await broker.ensureTopics(topics);
    const member = await new TestMember().join(broker, "only");
    const large = batchOf(results, 1, ["x".repeat(3 << 20)]);
    const error = await expectCode(
      broker.commit(member.commitOf(task, 1n, { outputs: [batchOf(results, 0, ["a"]), large] })),
      "BROKER_REFUSED",
    );
    expect(error.message).toMatch(/results\[1\].*MESSAGE_TOO_LARGE/);
    expect(await textsIn(broker, results, 0)).toEqual([]);
    expect(await broker.commit(member.commitOf(task, 1n, { outputs: [batchOf(results, 0, ["b"])] }))).toMatchObject({ kind: "committed" });
    expect(await textsIn(broker, results, 0)).toEqual(["b"]);
  });

  test("[K88] closing ends a commit whose outcome cannot be had, within its deadline", async () => {
    const { open } = testProcesses();
    const process = await open({ transactionDeadlineMs: 1000 });
    await process.broker.ensureTopics(topics);
    const member = await new TestMember().join(process.broker, "only");
    process.proxy.onRequest("EndTxn", () => process.proxy.cut());
    const committed = process.broker.commit(member.commitOf(task, 1n)).catch((error: unknown) => error);
    await until(() => process.proxy.connections === 0, 10_000, "the process is cut off");
    const closed = process.kafka.close().then(() => "closed");
    expect(await Promise.race([closed, setTimeout(10_000, "still closing")])).toBe("closed");
    expect(await committed).toMatchObject({ code: "BROKER_CLOSED" });
  });

  test("[K88] closing a log takes all its members with it", async () => {
    const { open } = testProcesses();
    const process = await open();
    await process.broker.ensureTopics(topics);
    for (const name of ["one", "two", "three"]) await new TestMember().join(process.broker, "only", { group: `${name}-consumer-group` });
    await process.kafka.close();
    await until(() => process.proxy.connections === 0, 5000, "all connections are closed");
  });

  test("[K88] a join that is refused leaves nothing behind", async () => {
    const { open } = testProcesses();
    const process = await open({ transactionTimeoutMs: 2_000_000_000 });
    await process.broker.ensureTopics(topics);
    await expectCode(new TestMember().join(process.broker, "only"), "BROKER_REFUSED");
    await process.kafka.close();
    await until(() => process.proxy.connections === 0, 5000, "all connections are closed");
  });

  test("[K88] a log that is closed while a member joins takes the member with it", async () => {
    const { open } = testProcesses();
    for (const api of ["DescribeConfigs", "InitProducerId", "JoinGroup", "SyncGroup", "ListOffsets"]) {
      const process = await open();
      await process.broker.ensureTopics(topics);
      let closed: Promise<void> | undefined;
      process.proxy.onRequest(api, () => {
        closed ??= process.kafka.close();
      });
      const member = await new TestMember().join(process.broker, "only").catch((error: unknown) => error);
      if (closed === undefined) continue;
      expect([api, member]).toMatchObject([api, { code: "BROKER_CLOSED" }]);
      await closed;
      await until(() => process.proxy.connections === 0, 5000, `all connections are closed (${api})`);
    }
  });
});
