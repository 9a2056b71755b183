import { expect, test } from "vitest";
import { changeOf } from "#broker/change-texts.ts";
import { topics } from "#broker/conformance-harness.ts";
import { group, taskIds, TestMember } from "#broker/conformance-member.ts";
import { describeKafka } from "#broker/kafka/proving/kafka-test.ts";
import { keyValueStore } from "#state/store.ts";
import { type TestProcess, testProcesses } from "./test-processes.ts";

const task = taskIds[0]!;
const texts = keyValueStore<string>({
  encode: (text) => Buffer.from(text),
  decode: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(),
});

describeKafka("stores that were forgotten, on Kafka", { timeout: 60_000 }, () => {
  test("[K82] a copy that has forgotten a store which others still have is brought back whole", async () => {
    const { open } = testProcesses();
    const [first, second] = [await open(), await open()];
    await first.broker.ensureTopics(topics);
    const as = async (process: TestProcess, number: bigint, text: string): Promise<void> => {
      const member = await new TestMember().join(process.broker, "only");
      expect(await process.broker.committed(group, [task])).toMatchObject([{ number: number - 1n }]);
      process.storage.open(task, { s: texts }).close();
      const commit = member.commitOf(task, number, { changes: [changeOf("s", text)] });
      expect(await process.broker.commit(commit)).toMatchObject({ kind: "committed" });
      await member.leave();
    };
    await as(first, 1n, "old");
    // A newer topology has no such store; it is taken back before it has committed anything.
    first.storage.open(task, { t: texts }).close();
    await as(second, 2n, "new");
    await as(first, 3n, "last");
    const keys = [...first.storage.open(task, { s: texts }).keyValue("s").range()].map(([key]) => key);
    expect(keys).toEqual(["last", "new", "old"]);
  });
});
