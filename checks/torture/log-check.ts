import { join } from "node:path";
import { openEmbeddedBroker } from "@millrace/engine";
import { eventDrafts } from "#cli/replay/event-draft.ts";
import { readHistory } from "#cli/replay/history.ts";
import { decodeEvent, projectedDecoder } from "#schemas/event-codec.ts";
import { topicOf } from "#schemas/event-registry.ts";
import type { EventType } from "#schemas/event-types.ts";
import { parseEvent } from "#schemas/parse-event.ts";
import type { StockDecision } from "../judge/laws.ts";
import { logRecords } from "../path/log-records.ts";

export type LogCheck = {
  /** What is wrong, in words; empty when nothing is. */
  readonly broken: readonly string[];
  readonly records: number;
  /** Records that a resent event left on the log; the topology drops them. */
  readonly resent: number;
  readonly keys: number;
  readonly reserved: readonly StockDecision[];
  readonly refused: readonly StockDecision[];
  /** Records of topics that the pipeline writes, by topic. */
  readonly outputs: Readonly<Record<string, number>>;
};

type Replayed = { readonly files: readonly string[]; readonly openingStock: number; readonly repeat: number };

const posted: readonly EventType[] = [
  "inventory.received",
  "inventory.adjusted",
  "order.created",
  "order.cancelled",
  "payment.attempted",
  "payment.authorized",
];
const outputTypes = ["inventory.reserved", "inventory.refused", "inventory.level", "fraud.alert"] as const;

/**
 * Reads the log of a server that has stopped. Each event is there; the first records of the events of a key stand in the order in which the
 * replay makes them: by offset within a topic, and by the gateway's sequence across the topics that share the key.
 */
export async function checkLog(data: string, replayed: Replayed): Promise<LogCheck> {
  const wanted = await expectedOrder(replayed);
  const broker = openEmbeddedBroker({ path: join(data, "log.db") });
  const topicsOf = (types: readonly EventType[]): Map<string, number> =>
    new Map(types.map((type) => [topicOf(type), broker.partitionsOf(topicOf(type))] as const));
  const broken: string[] = [];
  try {
    const decoders = new Map(posted.map((type) => [topicOf(type), projectedDecoder(type, ["eventId"])]));
    const found = new Map<string, { at: number; sequence: number; topic: string }[]>();
    const seen = new Set<string>();
    let records = 0;
    for await (const { topic, key, sequence, value } of logRecords(broker, topicsOf(posted))) {
      records += 1;
      const decoded = decoders.get(topic)!(value);
      if (decoded.kind !== "decoded") {
        broken.push(`a record of ${topic} cannot be decoded: ${decoded.detail}`);
        continue;
      }
      const id = String((decoded.event as { eventId: string }).eventId);
      if (seen.has(id)) continue;
      seen.add(id);
      const at = wanted.get(id);
      if (at === undefined) broken.push(`${id} is on the log, and was never sent`);
      else if (at.key !== key) broken.push(`${id} has the key ${key}, not ${at.key}`);
      else {
        const ofKey = found.get(key);
        const place = { at: at.at, sequence, topic };
        if (ofKey === undefined) found.set(key, [place]);
        else ofKey.push(place);
      }
    }
    for (const [id] of wanted) if (!seen.has(id)) broken.push(`${id} is not on the log`);
    for (const [key, places] of found) {
      for (const [topic, ofTopic] of Map.groupBy(places, (place) => place.topic)) {
        if (!rising(ofTopic.map(({ at }) => at))) broken.push(`the events of ${key} in ${topic} are out of order`);
      }
      const bySequence = places.toSorted((a, b) => a.sequence - b.sequence);
      if (!rising(bySequence.map(({ at }) => at))) broken.push(`the events of ${key} are out of order across topics`);
    }
    const counts: Record<string, number> = {};
    const decisions: Record<string, StockDecision[]> = {};
    for (const type of outputTypes) {
      const topic = topicOf(type);
      const data: unknown[] = (decisions[topic] = []);
      counts[topic] = 0;
      for await (const { value } of logRecords(broker, topicsOf([type]))) {
        counts[topic] += 1;
        if (type !== "inventory.reserved" && type !== "inventory.refused") continue;
        const decoded = decodeEvent(value);
        if (decoded.kind === "decoded") data.push(decoded.event.data);
      }
    }
    return {
      broken,
      records,
      resent: records - seen.size,
      keys: found.size,
      reserved: decisions[topicOf("inventory.reserved")]!,
      refused: decisions[topicOf("inventory.refused")]!,
      outputs: counts,
    };
  } finally {
    await broker.close();
  }
}

/** Key and place of every event of the replay, by id. */
async function expectedOrder({ files, openingStock, repeat }: Replayed): Promise<Map<string, { key: string; at: number }>> {
  const history = await readHistory(files, () => undefined);
  const order = new Map<string, { key: string; at: number }>();
  let at = 0;
  for (const draft of eventDrafts(history, { openingStock, repeat, run: "" })) {
    const parsed = parseEvent(JSON.parse(`${draft.head}${new Date(draft.at).toISOString()}${draft.tail}`));
    if (parsed.kind !== "parsed") throw new Error(`${draft.eventId}: ${JSON.stringify(parsed.problems)}`);
    order.set(draft.eventId, { key: parsed.key, at: at++ });
  }
  return order;
}

function rising(numbers: readonly number[]): boolean {
  return numbers.every((number, i) => i === 0 || numbers[i - 1]! < number);
}
