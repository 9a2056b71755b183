import { deleteGroupsV2 } from "@platformatic/kafka";
import { expect, test } from "vitest";
import { changeOf } from "#broker/change-texts.ts";
import { expectCode, topics } from "#broker/conformance-harness.ts";
import { group, taskIds, TestMember } from "#broker/conformance-member.ts";
import { describeKafka, openClient } from "#broker/kafka/proving/kafka-test.ts";
import { persist } from "#broker/kafka/wire/persist.ts";
import { testProcesses } from "./test-processes.ts";

const [task, other] = [taskIds[0]!, taskIds[1]!];

/** What Kafka does by itself to a group that has had no members for `offsets.retention.minutes`. */
async function deleteGroup(name: string): Promise<void> {
  const client = openClient("forget");
  await persist(`deleting ${name}`, { forMs: 10_000, mayPass: (error) => error.is("NON_EMPTY_GROUP") }, async (refresh) =>
    client.ask(await client.coordinator("group", name, refresh), deleteGroupsV2.api, [[name]], `deleting ${name}`),
  );
}

describeKafka("groups that have lost their offsets, on Kafka", { timeout: 60_000 }, () => {
  test("[K89] a task whose offsets are gone, and whose changelog is not, is refused: its state would be mixed with the one before", async () => {
    const { prefix, open } = testProcesses();
    const before = await open();
    await before.broker.ensureTopics(topics);
    const writer = await new TestMember().join(before.broker, "only");
    await before.broker.commit(writer.commitOf(task, 1n, { changes: [changeOf("counts", "c1")] }));
    await writer.leave();
    await deleteGroup(prefix + group);

    const after = await open();
    await new TestMember().join(after.broker, "only");
    const error = await expectCode(after.broker.committed(group, [task]), "BROKER_CORRUPT");
    expect(error.message).toMatch(/no offsets of join\/0.*delete the topic at .*changelog\[0\]@0/);
    // The copy that a process may still have of it is left as it is.
    await new TestMember().join(before.broker, "other");
    await expectCode(before.broker.committed(group, [task]), "BROKER_CORRUPT");
    expect(before.changesOf(task)).toEqual(["counts=c1"]);
  });

  test("[K89] what was aborted in a changelog is no reason to refuse a task that never committed", async () => {
    const { open } = testProcesses();
    const { broker, proxy } = await open({ transactionDeadlineMs: 500 });
    await broker.ensureTopics(topics);
    const member = await new TestMember().join(broker, "only");
    const commit = member.commitOf(other, 1n, { changes: [changeOf("counts", "c1")] });
    const lost = proxy.loseAnswer({ api: "TxnOffsetCommit", outcome: "undone", times: 1000 });
    expect(await broker.commit(commit)).toMatchObject({ kind: "aborted" });
    expect(lost.left).toBeGreaterThan(0);
    expect(await broker.committed(group, [other])).toMatchObject([{ number: 0n, next: [] }]);
  });
});
