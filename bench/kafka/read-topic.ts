import type { BatchIndex } from "@millrace/engine";
import { listOffsets } from "../../engine/broker/kafka/admin/offsets.ts";
import { committedRanges } from "../../engine/broker/kafka/fetch/committed-ranges.ts";
import type { KafkaClient } from "../../engine/broker/kafka/wire/kafka-client.ts";
import { partitions } from "./inputs/generate.ts";

/** Reads all committed records of a topic, each partition in its order. */
export async function readTopic(
  client: KafkaClient,
  topic: string,
  each: (index: BatchIndex, at: { readonly partition: number; readonly appendedAtMs: number }) => void,
): Promise<void> {
  const at = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));
  const ends = await listOffsets(client, at, { at: { kind: "stable-end" } });
  const ranges = ends.map(({ partition, offset }) => ({ topic, partition, from: 0n, to: offset }));
  await committedRanges(client, ranges, {
    each: ({ partition, parts }) => {
      for (const { index, appendedAtMs } of parts) each(index, { partition, appendedAtMs });
    },
  });
}
