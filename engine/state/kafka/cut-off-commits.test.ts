import { expect, test } from "vitest";
import type { CommitResult } from "#broker/broker.ts";
import { changeOf } from "#broker/change-texts.ts";
import { batchOf, orders, results, textsIn, topics } from "#broker/conformance-harness.ts";
import { group, shared, taskIds, TestMember } from "#broker/conformance-member.ts";
import { committedOffsets } from "#broker/kafka/admin/committed-offsets.ts";
import { listOffsets } from "#broker/kafka/admin/offsets.ts";
import { describeKafka, openClient, until } from "#broker/kafka/proving/kafka-test.ts";
import { testProcesses } from "./test-processes.ts";

const task = taskIds[0]!;

describeKafka("commits that were cut off, on Kafka", { timeout: 60_000 }, () => {
  test("[K85] a commit whose outcome was lost is not taken for the one that a successor made under its number", async () => {
    const processes = testProcesses();
    const first = await processes.open({ transactionDeadlineMs: 1000 });
    await first.broker.ensureTopics(topics);
    const before = await new TestMember().join(first.broker, "before");
    await first.broker.commit(before.commitOf(task, 1n, { changes: [changeOf("counts", "one")] }));
    const cuts = first.proxy.onRequest("EndTxn", () => first.proxy.cut());
    first.proxy.loseAnswer({ api: "EndTxn", outcome: "undone" });
    const cutOff = first.broker.commit(before.commitOf(task, 2n, { changes: [changeOf("counts", "never")] }));

    const second = await processes.open();
    const after = await new TestMember().join(second.broker, "after");
    await shared(after);
    expect(await second.broker.committed(group, [task])).toMatchObject([{ number: 1n }]);
    await second.broker.commit(after.commitOf(task, 2n, { changes: [changeOf("counts", "two")] }));

    cuts();
    first.proxy.heal();
    expect((await cutOff).kind).not.toBe("committed");
    expect(first.changesOf(task)).toEqual(["counts=one"]);
  });

  test("[K85] [K111] a commit whose outcome was lost is settled by what the group's offsets say, and its markers are written again", async () => {
    const { prefix, open } = testProcesses();
    const { broker, proxy, changesOf } = await open({ transactionDeadlineMs: 300, sessionTimeoutMs: 20_000 });
    await broker.ensureTopics(topics);
    const member = await new TestMember().join(broker, "only");
    const commitOf = (number: bigint): Promise<CommitResult> =>
      broker.commit(
        member.commitOf(task, number, { changes: [changeOf("counts", `c${number}`)], outputs: [batchOf(results, 0, [`${number}`])] }),
      );
    await commitOf(1n);
    const reader = openClient("reader");
    const stableEnd = async (): Promise<bigint> =>
      (await listOffsets(reader, [{ topic: `${prefix}${results}`, partition: 0 }], { at: { kind: "stable-end" } }))[0]!.offset;
    // A record and its marker.
    await until(async () => (await stableEnd()) === 2n, 10_000, "the marker is written");
    for (const [number, outcome] of [
      [2n, "done"],
      [3n, "undone"],
    ] as const) {
      proxy.resetCounts();
      const cut = proxy.onRequest("EndTxn", () => proxy.loseAnswer({ api: "EndTxn", outcome }));
      const made = commitOf(number);
      await until(() => (proxy.counts()["InitProducerId"]?.requests ?? 0) > 0, 10_000, "the transaction is given up");
      cut();
      expect((await made).kind).toBe(outcome === "done" ? "committed" : "aborted");
      expect(await textsIn(broker, results, 0)).toEqual(["1", "2"]);
      expect(await broker.committed(group, [task])).toMatchObject([{ number: 2n }]);
      expect(changesOf(task)).toEqual(["counts=c1", "counts=c2"]);
      // A record, its marker, and the one that might have been missing.
      if (outcome === "done") await until(async () => (await stableEnd()) === 5n, 10_000, "another marker is written");
    }
    expect(await commitOf(3n)).toMatchObject({ kind: "committed" });
  });

  test("[K85] a member that was cut off in a commit for longer than its transaction lasts, but not its session, goes on", async () => {
    const { prefix, open } = testProcesses();
    const { broker, proxy } = await open({ transactionDeadlineMs: 500, sessionTimeoutMs: 30_000 });
    await broker.ensureTopics(topics);
    const member = await new TestMember().join(broker, "only");
    const commitOf = (number: bigint): Promise<CommitResult> =>
      broker.commit(member.commitOf(task, number, { changes: [changeOf("counts", `c${number}`)] }));
    await commitOf(1n);
    const cuts = proxy.onRequest("EndTxn", () => proxy.cut());
    proxy.loseAnswer({ api: "EndTxn", outcome: "undone" });
    const cutOff = commitOf(2n);
    await until(() => proxy.connections === 0, 10_000, "the process is cut off");
    const reader = openClient("reader");
    const input = { topic: `${prefix}${orders}`, partition: 0 };
    // Stable again: the coordinator has given the transaction up.
    await until(() => committedOffsets(reader, prefix + group, { partitions: [input], forMs: 0 }), 20_000, "the transaction is over");
    cuts();
    proxy.heal();
    expect(await cutOff).toMatchObject({ kind: "aborted" });
    expect(await commitOf(2n)).toMatchObject({ kind: "committed" });
    expect(member.told).toEqual(["assigned 3"]);
  });
});
