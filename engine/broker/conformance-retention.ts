import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Broker, earliest } from "./broker.ts";
import { at, atOnce, batchOf, expectCode, type Harness, readFrom, textsIn, topics } from "./conformance-harness.ts";
import { taskIds, TestMember } from "./conformance-member.ts";

const hourly = "test.hourly";
const internal = "test.internal";
const hourMs = 3_600_000;

export function retentionLaws(open: () => Promise<Harness>, keeps: "all" | "nothing"): void {
  describe("retention", () => {
    let harness: Harness;
    let broker: Broker;
    beforeEach(async () => {
      harness = await open();
      broker = harness.broker;
      await broker.ensureTopics([
        ...topics,
        { name: hourly, partitions: 2, retention: { kind: "time", ms: hourMs } },
        { name: internal, partitions: 1, retention: { kind: "consumed" } },
      ]);
    });
    afterEach(() => harness.close());

    const stateOf = async (topic: string, partition = 0) => (await broker.fetch([at(topic, partition, earliest)], atOnce))[0]!;

    test("[L12] records go by the time of their append, whatever their own time says; offsets go on", async () => {
      await broker.append([batchOf(hourly, 0, ["old"])]);
      const behindOld = (await readFrom(broker, at(hourly, 0, earliest))).next;
      await harness.passTime(hourMs * 0.6);
      await broker.append([batchOf(hourly, 0, ["new"])]);
      expect(await textsIn(broker, hourly, 0)).toEqual(["old", "new"]);
      await harness.passTime(hourMs * 0.6);
      expect(await textsIn(broker, hourly, 0)).toEqual(["new"]);
      const { logStart, end } = await stateOf(hourly);
      expect(logStart).toBeGreaterThanOrEqual(behindOld);
      await harness.passTime(hourMs);
      expect(await stateOf(hourly)).toMatchObject({ count: 0, logStart: end, end, next: end });
      await broker.append([batchOf(hourly, 0, ["next"])]);
      expect((await readFrom(broker, at(hourly, 0, end))).found).toMatchObject([{ text: "next" }]);
    });

    test("[L12] a position that was dropped is out of range, offset 0 too, and never read on silently", async () => {
      await broker.append([batchOf(hourly, 1, ["old"])]);
      await harness.passTime(hourMs * 2);
      await broker.append([batchOf(hourly, 1, ["new"])]);
      await expectCode(broker.fetch([at(hourly, 1, 0n)], atOnce), "BROKER_OFFSET_OUT_OF_RANGE");
      expect((await stateOf(hourly, 1)).count).toBe(1);
    });

    if (keeps === "all") {
      test("[L12] the log start and the end are kept over a restart, also of a partition that is empty now", async () => {
        await broker.append([batchOf(hourly, 0, ["old"])]);
        await harness.passTime(hourMs * 2);
        const before = await stateOf(hourly);
        broker = await harness.reopen!();
        expect(await stateOf(hourly)).toEqual(before);
        expect(before.end).toBeGreaterThan(0n);
      });
    }

    test("[L13] an internal topic is trimmed behind what its reader has committed past, and no further", async () => {
      const reading = [{ task: taskIds[0]!, inputs: [{ topic: internal, partition: 0 }] }];
      for (const text of ["a", "b", "c", "d"]) await broker.append([batchOf(internal, 0, [text])]);
      await harness.passTime(1000);
      expect(await textsIn(broker, internal, 0)).toEqual(["a", "b", "c", "d"]);
      const reader = await new TestMember().join(broker, "first", { tasks: reading });
      const { found, next } = await readFrom(broker, at(internal, 0, earliest));
      const commitTo = async (number: bigint, offset: bigint): Promise<void> => {
        const commit = reader.commitOf(taskIds[0]!, number, { next: [at(internal, 0, offset)] });
        expect(await broker.commit(commit)).toMatchObject({ kind: "committed" });
        await harness.passTime(1000);
      };
      await commitTo(1n, found[2]!.offset);
      expect(await textsIn(broker, internal, 0)).toEqual(["c", "d"]);
      expect((await readFrom(broker, at(internal, 0, found[2]!.offset))).found).toEqual(found.slice(2));
      await commitTo(2n, next);
      expect(await stateOf(internal)).toMatchObject({ count: 0, logStart: next, end: next });
    });

    test("[L14] a topic that keeps forever keeps", async () => {
      await broker.append([batchOf(topics[0]!.name, 0, ["kept"])]);
      await harness.passTime(hourMs * 24 * 365);
      expect(await textsIn(broker, topics[0]!.name, 0)).toEqual(["kept"]);
    });
  });
}
