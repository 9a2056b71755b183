import { expect, test } from "vitest";
import { changeOf } from "#broker/change-texts.ts";
import { at, orders, payments, topics } from "#broker/conformance-harness.ts";
import { group, tasks, taskIds, TestMember } from "#broker/conformance-member.ts";
import { describeKafka } from "#broker/kafka/proving/kafka-test.ts";
import { testProcesses } from "./test-processes.ts";

const task = taskIds[0]!;
const reading = (...read: readonly string[]): typeof tasks =>
  tasks.map((each) => ({ ...each, inputs: each.inputs.filter(({ topic }) => read.includes(topic)) }));

describeKafka("tasks whose inputs change, on Kafka", { timeout: 60_000 }, () => {
  test("[K100] a task keeps its meta and the positions of the inputs that it still reads, whichever goes", async () => {
    const { open } = testProcesses();
    const { broker } = await open();
    await broker.ensureTopics(topics);
    const whole = await new TestMember().join(broker, "only");
    const next = [at(orders, 0, 7n), at(payments, 0, 9n)];
    await broker.commit(whole.commitOf(task, 1n, { next, meta: Buffer.from("m1"), changes: [changeOf("counts", "c1")] }));
    await broker.commit(whole.commitOf(task, 2n, { next, meta: Buffer.from("m2") }));
    await whole.leave();
    for (const input of next) {
      const part = await new TestMember().join(broker, "only", { tasks: reading(input.topic) });
      expect(await broker.committed(group, [task])).toEqual([{ task, number: 2n, next: [input], meta: Buffer.from("m2") }]);
      await part.leave();
    }
    const part = await new TestMember().join(broker, "only", { tasks: reading(payments) });
    await broker.commit(part.commitOf(task, 3n, { next: [at(payments, 0, 10n)], meta: Buffer.from("m3") }));
    await part.leave();
    await new TestMember().join(broker, "only");
    expect(await broker.committed(group, [task])).toEqual([{ task, number: 3n, next: [at(payments, 0, 10n)], meta: Buffer.from("m3") }]);
  });
});
