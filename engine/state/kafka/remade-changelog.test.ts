import { deleteTopicsV6 } from "@platformatic/kafka";
import { expect, test } from "vitest";
import { changeOf } from "#broker/change-texts.ts";
import { expectCode, textsIn, topics } from "#broker/conformance-harness.ts";
import { group, taskIds, TestMember } from "#broker/conformance-member.ts";
import { ensureCompacted } from "#broker/kafka/admin/topic-admin.ts";
import { changelogOf } from "#broker/kafka/names.ts";
import { describeKafka, openClient, until } from "#broker/kafka/proving/kafka-test.ts";
import { testProcesses } from "./test-processes.ts";

const task = taskIds[0]!;

describeKafka("changelogs that are deleted under their tasks, on Kafka", { timeout: 60_000 }, () => {
  test("[K101] a changelog that was made again is never taken for the one that held what came before", async () => {
    const { prefix, open } = testProcesses();
    const process = await open({ transactionDeadlineMs: 5000 });
    await process.broker.ensureTopics(topics);
    const member = await new TestMember().join(process.broker, "only");
    const commitOf = (number: bigint): Promise<unknown> =>
      process.broker.commit(member.commitOf(task, number, { changes: [changeOf("counts", `c${number}`)] }));
    await commitOf(1n);
    const client = openClient("remake");
    const { topic } = changelogOf(prefix + group, task);
    await client.ask(await client.controller(), deleteTopicsV6.api, [[{ name: topic }], 10_000], "delete the changelog");
    await until(async () => (await client.topic(topic, true)) === undefined, 10_000, "the changelog is gone");
    await ensureCompacted(client, [{ name: topic, partitions: taskIds.length }], { replication: 1, minIsr: 1 });

    // Whether the broker says something before the commit is chance; if it does, nothing is written.
    const refused = await commitOf(2n).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (refused !== undefined) {
      expect(refused).toMatchObject({ code: "BROKER_UNKNOWN_TOPIC" });
      expect(await textsIn(process.kafka, topic, 0)).toEqual([]);
    }
    await member.leave();
    const after = await open();
    await new TestMember().join(after.broker, "only");
    await expectCode(after.broker.committed(group, [task]), "BROKER_CORRUPT");
  });
});
