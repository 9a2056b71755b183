import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { changeOf } from "#broker/change-texts.ts";
import { topics } from "#broker/conformance-harness.ts";
import { group, taskIds, TestMember } from "#broker/conformance-member.ts";
import { describeKafka } from "#broker/kafka/proving/kafka-test.ts";
import { testProcesses } from "./test-processes.ts";

describeKafka("restores on Kafka", { timeout: 60_000 }, () => {
  test("[K84] restores that nobody waits for any more leave their turn to others", async () => {
    const processes = testProcesses();
    const writer = await processes.open();
    await writer.broker.ensureTopics(topics);
    const member = await new TestMember().join(writer.broker, "writer");
    const task = taskIds[0]!;
    await writer.broker.commit(member.commitOf(task, 1n, { changes: [changeOf("counts", "one")] }));
    await member.leave();
    const reader = await processes.open();
    for (let i = 0; i < 10; i++) await expect(reader.broker.committed(group, [task], AbortSignal.abort())).rejects.toThrow();
    const restored = reader.broker.committed(group, [task]);
    expect(await Promise.race([restored, setTimeout(10_000, "still waiting")])).toMatchObject([{ number: 1n }]);
    expect(reader.changesOf(task)).toEqual(["counts=one"]);
  });
});
