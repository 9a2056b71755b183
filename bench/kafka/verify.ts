import { keyTextOf, partitionOf, valueOf } from "@millrace/engine";
import type { KafkaClient } from "../../engine/broker/kafka/wire/kafka-client.ts";
import { addTo, type Sums } from "./inputs/expected.ts";
import { partitions } from "./inputs/generate.ts";
import { readTopic } from "./read-topic.ts";

export type Verified = {
  /** Every key has its expected results, none is missing, none is too many, each lies where its key belongs. */
  readonly ok: boolean;
  readonly outputs: number;
  readonly wrongKeys: number;
  /** When the broker appended the first batch and the last, ms since the epoch. */
  readonly firstAppend: number;
  readonly lastAppend: number;
};

type Json = Readonly<Record<string, number & string>>;
const cents = (amount: number): number => Math.round(amount * 100);

/** Canonical texts of results. */
const canonical = {
  stateless: ({ orderId, cents: sum, sku }: Json) => `${orderId}|${sum}|${sku}`,
  count: ({ userId, windowStart, count, sum, maxTs }: Json) => `${userId}|${windowStart}|${count}|${cents(sum!)}|${maxTs}`,
  fraud: ({ card, start, end, count, cents: sum, merchants }: Json) => `${card}|${start}|${end}|${count}|${sum}|${merchants}`,
} as const;

/**
 * Reads an output as readers of committed records do, and compares it with the answers. Of counts the last result of each key and window counts, and
 * `final` ones lack the windows that nothing closed.
 */
export async function verify(
  client: KafkaClient,
  topic: string,
  { kind, final, expected }: { readonly kind: keyof typeof canonical; readonly final: boolean; readonly expected: Sums },
): Promise<Verified> {
  const sums: Sums = new Map();
  const windows = new Map<string, { key: string; text: string }>();
  let [outputs, misplaced, firstAppend, lastAppend] = [0, 0, Infinity, 0];
  await readTopic(client, topic, (index, { partition, appendedAtMs }) => {
    firstAppend = Math.min(firstAppend, appendedAtMs);
    lastAppend = Math.max(lastAppend, appendedAtMs);
    for (let i = 0; i < index.count; i++) {
      const key = keyTextOf(index, i)!;
      const value = JSON.parse(valueOf(index, i)!.toString("latin1")) as Json;
      const text = canonical[kind](value);
      if (partitionOf(key, partitions) !== partition || !text.includes(key)) misplaced += 1;
      if (kind === "count") windows.set(`${key}|${value["windowStart"]}`, { key, text });
      else addTo(sums, key, text);
    }
    outputs += index.count;
  });
  for (const { key, text } of windows.values()) addTo(sums, key, text);
  let wrongKeys = misplaced;
  for (const [key, { results, sum }] of expected) {
    if (final && key.startsWith("zz-flush")) continue;
    const found = sums.get(key);
    if (found?.results !== results || found.sum !== sum) wrongKeys += 1;
    sums.delete(key);
  }
  wrongKeys += sums.size;
  return { ok: wrongKeys === 0, outputs, wrongKeys, firstAppend, lastAppend };
}
