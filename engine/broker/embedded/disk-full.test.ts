import { afterEach, beforeEach, expect, test } from "vitest";
import { type AppendResult, earliest } from "#broker/broker.ts";
import { at, atOnce, batchOf, orders, results, textsIn, topics } from "#broker/conformance-harness.ts";
import { group, taskIds, TestMember } from "#broker/conformance-member.ts";
import { type EmbeddedHarness, openHarness } from "./embedded-harness.ts";

let harness: EmbeddedHarness;
beforeEach(async () => {
  harness = openHarness("file");
  await harness.broker.ensureTopics(topics);
});
afterEach(() => harness.close());

/** SQLite's own full disk: no page more than it has. */
function setFull(full: boolean): void {
  const { connection } = harness.broker.database;
  const pages = Number(connection.prepare("PRAGMA page_count").get()?.["page_count"]);
  connection.exec(`PRAGMA max_page_count = ${full ? pages + 1 : 1_000_000}`);
}
const big = "x".repeat(100_000);

test("[L17] on a full disk every waiting append answers `retry`, nothing is half there, and it goes on when there is room", async () => {
  const { broker } = harness;
  await broker.append([batchOf(orders, 0, ["before"])]);
  setFull(true);
  const answers = await Promise.all([
    broker.append([batchOf(orders, 0, ["small"]), batchOf(orders, 1, [big])]),
    broker.append([batchOf(orders, 2, [big])]),
  ]);
  for (const answer of answers.flat())
    expect(answer).toMatchObject({ kind: "retry", reason: expect.stringContaining("disk is full") as unknown });
  expect(answers[0]).toHaveLength(2);
  expect(await textsIn(broker, orders, 0)).toEqual(["before"]);
  expect(await broker.fetch([at(orders, 1, earliest), at(orders, 2, earliest)], atOnce)).toMatchObject([{ end: 0n }, { end: 0n }]);
  setFull(false);
  const [again] = (await broker.append([batchOf(orders, 0, ["after"])])) as [AppendResult];
  expect(again).toMatchObject({ kind: "appended", at: at(orders, 0, 1n) });
  expect(await textsIn(broker, orders, 0)).toEqual(["before", "after"]);
});

test("[L17] on a full disk a commit is aborted with the reason, leaves nothing, and may be made again under its number", async () => {
  const { broker } = harness;
  const member = await new TestMember().join(broker, "only");
  const commit = member.commitOf(taskIds[0]!, 1n, {
    outputs: [batchOf(results, 0, ["small"]), batchOf(results, 1, [big])],
    changes: [{ store: "s", bytes: Buffer.from("c") }],
  });
  setFull(true);
  expect(await broker.commit(commit)).toEqual({ kind: "aborted", reason: expect.stringContaining("disk is full") as unknown });
  expect(await broker.committed(group, [taskIds[0]!])).toMatchObject([{ number: 0n }]);
  expect(await textsIn(broker, results, 0)).toEqual([]);
  expect(await harness.changesOf(taskIds[0]!)).toEqual([]);
  setFull(false);
  expect(await broker.commit(commit)).toMatchObject({ kind: "committed" });
  expect(await textsIn(broker, results, 0)).toEqual(["small"]);
});

test("[L17] a join on a full disk fails and leaves the group as it was", async () => {
  const { broker } = harness;
  const member = await new TestMember().join(broker, "a");
  const many = Array.from({ length: 5000 }, (_, partition) => ({ task: `t/${partition}` as (typeof taskIds)[0], inputs: [] }));
  setFull(true);
  await expect(new TestMember().join(broker, "b", { tasks: many })).rejects.toMatchObject({ code: "BROKER_DISK_FULL", retryable: true });
  expect(member.tasks).toEqual(taskIds);
  expect(await broker.commit(member.commitOf(taskIds[0]!, 1n))).toMatchObject({ kind: "committed" });
});
