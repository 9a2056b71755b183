import { createPartitionsV3 } from "@platformatic/kafka";
import type { KafkaClient } from "../wire/kafka-client.ts";
import { KafkaError } from "../wire/kafka-error.ts";
import { persist } from "../wire/persist.ts";

/** What an operator may do to a topic under us, and must not; settles when it is seen. New partitions lie where the first one does. */
export async function raisePartitions(client: KafkaClient, topic: string, count: number): Promise<void> {
  const partitions = (await client.topic(topic, true))!.partitions;
  const assignments = Array.from({ length: count - partitions.length }, () => ({ brokerIds: [...partitions[0]!.replicas] }));
  await persist("raise partitions", { forMs: 20_000 }, async (refresh) => {
    const node = await client.controller(refresh);
    await client.ask(node, createPartitionsV3.api, [[{ name: topic, count, assignments }], 10_000, false], "raise partitions");
  });
  // A broker tells of them a little later.
  await persist("raised partitions", { forMs: 20_000 }, async () => {
    const known = (await client.topic(topic, true))!.partitions;
    if (known.length < count || known.some(({ leader }) => leader < 0))
      throw new KafkaError(`${topic} has no leaders yet`, ["LEADER_NOT_AVAILABLE"]);
  });
}
