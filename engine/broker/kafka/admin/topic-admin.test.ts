import { ConfigResourceTypes, describeConfigsV4 } from "@platformatic/kafka";
import { expect, test } from "vitest";
import { BrokerError } from "#broker/broker-error.ts";
import type { TopicSpec } from "#broker/broker.ts";
import { describeKafka, openClient, uniqueName } from "../proving/kafka-test.ts";
import { raisePartitions } from "../proving/raise-partitions.ts";
import { KafkaError } from "../wire/kafka-error.ts";
import type { KafkaClient } from "../wire/kafka-client.ts";
import { ensureCompacted, ensureTopics } from "./topic-admin.ts";

const defaults = { replication: 1 };
const forever = (name: string, partitions = 2): TopicSpec => ({ name, partitions, retention: { kind: "forever" } });
const timed = (name: string, ms: number): TopicSpec => ({ name, partitions: 2, retention: { kind: "time", ms } });

async function mismatchOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(BrokerError);
  expect((error as BrokerError).code).toBe("BROKER_TOPIC_MISMATCH");
  return (error as BrokerError).message;
}

async function settingsOf(client: KafkaClient, topic: string): Promise<Record<string, string | null | undefined>> {
  const resource = { resourceType: ConfigResourceTypes.TOPIC, resourceName: topic, configurationKeys: null as unknown as string[] };
  const { results } = await client.ask("any", describeConfigsV4.api, [[resource], false, false], "settings");
  return Object.fromEntries(results[0]!.configs.map(({ name, value }) => [name, value]));
}

describeKafka("topics of Kafka", () => {
  const client = openClient("admin");

  test("[K60] what is missing is created with its retention, the records' own times, and as the sender compressed it", async () => {
    const [kept, hourly, internal] = [uniqueName("kept"), uniqueName("hourly"), uniqueName("internal")];
    await ensureTopics(
      client,
      [forever(kept, 3), timed(hourly, 3_600_000), { name: internal, partitions: 1, retention: { kind: "consumed" } }],
      defaults,
    );
    const own = {
      "cleanup.policy": "delete",
      "retention.bytes": "-1",
      "message.timestamp.type": "CreateTime",
      "message.timestamp.after.max.ms": "9223372036854775807",
      "message.timestamp.before.max.ms": "9223372036854775807",
      "compression.type": "producer",
    };
    expect(await settingsOf(client, kept)).toMatchObject({ ...own, "retention.ms": "-1" });
    expect(await settingsOf(client, hourly)).toMatchObject({ ...own, "retention.ms": "3600000" });
    expect(await settingsOf(client, internal)).toMatchObject({ ...own, "retention.ms": "-1" });
    expect((await client.topic(kept, true))!.partitions.map(({ leader }) => leader >= 0)).toEqual([true, true, true]);
  });

  test("[K60] a changelog is compacted, and keeps its deletes for as long as a local copy may be behind", async () => {
    const changelog = { name: uniqueName("changelog"), partitions: 2 };
    const compaction = { dirtyRatio: 0.2, segmentMs: 60_000, deleteRetentionMs: 7_200_000 };
    await ensureCompacted(client, [changelog], { replication: 1, minIsr: 1, changelog: compaction });
    expect(await settingsOf(client, changelog.name)).toMatchObject({
      "cleanup.policy": "compact",
      "min.cleanable.dirty.ratio": "0.2",
      "segment.ms": "60000",
      "delete.retention.ms": "7200000",
      "min.insync.replicas": "1",
      "message.timestamp.type": "CreateTime",
      "compression.type": "producer",
    });
    await ensureCompacted(client, [changelog], { replication: 1, changelog: compaction });
    expect(await mismatchOf(ensureCompacted(client, [changelog], defaults))).toMatch(
      /delete.retention.ms is 7200000, asked for is at least 86400000/,
    );
    expect(await mismatchOf(ensureTopics(client, [forever(changelog.name)], defaults))).toMatch(
      /cleanup.policy is compact, asked for is delete/,
    );
  });

  test("[K61] what exists is verified: all that does not fit is said at once, with what to do, and nothing of the call is made", async () => {
    const [kept, hourly, fresh] = [uniqueName("kept"), uniqueName("hourly"), uniqueName("fresh")];
    await ensureTopics(client, [forever(kept), timed(hourly, 3_600_000)], defaults);
    await ensureTopics(client, [forever(kept), timed(hourly, 3_600_000)], defaults);
    const message = await mismatchOf(ensureTopics(client, [forever(fresh), forever(kept, 4), timed(hourly, 1000)], defaults));
    expect(message).toContain(`topic "${kept}": it has 2 partitions, asked for are 4`);
    expect(message).toContain(`topic "${hourly}": retention.ms is 3600000, asked for is 1000`);
    expect(message).toContain("replay into it");
    expect(message).toContain("kafka-configs");
    expect(await client.topic(fresh, true)).toBeUndefined();
  });

  test("[K61] partitions that were added under a topology are refused with what to do", async () => {
    const name = uniqueName("raised");
    await ensureTopics(client, [forever(name)], defaults);
    await raisePartitions(client, name, 3);
    const message = await mismatchOf(ensureTopics(client, [forever(name)], defaults));
    expect(message).toMatch(/it has 3 partitions, asked for are 2\. The number of partitions decides which task keeps which key/);
  });

  test("[K61] a topic asked for twice in one call must be alike both times", async () => {
    const name = uniqueName("twice");
    expect(await mismatchOf(ensureTopics(client, [forever(name), forever(name, 3)], defaults))).toMatch(/two shapes/);
    expect(await client.topic(name, true)).toBeUndefined();
    await ensureTopics(client, [forever(name), forever(name)], defaults);
  });

  test("[K61] when the brokers refuse one topic, none of the call is made", async () => {
    const [good, bad] = [uniqueName("good"), uniqueName("bad")];
    const call = ensureCompacted(
      client,
      [
        { name: good, partitions: 1 },
        { name: bad, partitions: 1 },
      ],
      { replication: 30_000 },
    );
    await expect(call).rejects.toBeInstanceOf(KafkaError);
    await expect(call).rejects.toThrow(/INVALID_REPLICATION_FACTOR/);
    expect(await client.topic(good, true)).toBeUndefined();
  });

  test("[K62] processes that ensure the same topics at once all get them", async () => {
    const names = Array.from({ length: 5 }, () => uniqueName("contended"));
    const others = Array.from({ length: 4 }, (_, i) => openClient(`admin-${i}`));
    await Promise.all(
      others.map((other) =>
        ensureTopics(
          other,
          names.map((name) => timed(name, 60_000)),
          defaults,
        ),
      ),
    );
    for (const name of names) expect((await client.topic(name, true))!.partitions).toHaveLength(2);
  });
});
