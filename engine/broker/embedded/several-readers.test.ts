import { expect, test } from "vitest";
import { type Broker, earliest } from "#broker/broker.ts";
import { at, batchOf, readFrom, textsIn } from "#broker/conformance-harness.ts";
import { group, taskIds, tasks, TestMember } from "#broker/conformance-member.ts";
import { type EmbeddedHarness, openHarness } from "./embedded-harness.ts";

const internal = "test.internal";

async function withInternalTopic(run: (harness: EmbeddedHarness, broker: Broker) => Promise<void>): Promise<void> {
  const harness = openHarness("memory");
  await harness.broker.ensureTopics([{ name: internal, partitions: 1, retention: { kind: "consumed" } }]);
  await run(harness, harness.broker);
  await harness.close();
}

test("[L20] an internal topic that two tasks read is trimmed behind the least position of both", () =>
  withInternalTopic(async (harness, broker) => {
    const reading = tasks.slice(0, 2).map(({ task }) => ({ task, inputs: [{ topic: internal, partition: 0 }] }));
    const first = await new TestMember().join(broker, "first", { tasks: reading });
    for (const text of ["a", "b", "c", "d"]) await broker.append([batchOf(internal, 0, [text])]);
    const { found, next } = await readFrom(broker, at(internal, 0, earliest));
    for (const [task, offset, left] of [
      [0, next, ["a", "b", "c", "d"]],
      [1, found[2]!.offset, ["c", "d"]],
    ] as const) {
      const commit = first.commitOf(taskIds[task]!, 1n, { next: [at(internal, 0, offset)] });
      expect(await broker.commit(commit)).toMatchObject({ kind: "committed" });
      await harness.passTime(1000);
      expect(await textsIn(broker, internal, 0)).toEqual(left);
    }
  }));

test("[L20] a second group that joined holds the trim back", () =>
  withInternalTopic(async (harness, broker) => {
    await broker.append([batchOf(internal, 0, ["a"])]);
    const reading = [{ task: taskIds[0]!, inputs: [{ topic: internal, partition: 0 }] }];
    const first = await new TestMember().join(broker, "first", { tasks: reading });
    await new TestMember().join(broker, "other", { tasks: reading, group: `${group}-other` });
    const { next } = await readFrom(broker, at(internal, 0, earliest));
    expect(await broker.commit(first.commitOf(taskIds[0]!, 1n, { next: [at(internal, 0, next)] }))).toMatchObject({ kind: "committed" });
    await harness.passTime(1000);
    expect(await textsIn(broker, internal, 0)).toEqual(["a"]);
  }));
