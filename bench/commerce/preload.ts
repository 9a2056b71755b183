import {
  type EmbeddedBroker,
  openEmbeddedBroker,
  partitionOf,
  RecordBatchBuilder,
  type RecordBatch,
  type TopicSpec,
} from "@millrace/engine";
import { shippedMonth } from "#cli/replay/command.ts";
import { eventDrafts } from "#cli/replay/event-draft.ts";
import { readHistory } from "#cli/replay/history.ts";
import { encodeHeaders } from "#engine/broker/record-batch.ts";
import { encodeEvent } from "#schemas/event-codec.ts";
import { eventRegistry } from "#schemas/event-registry.ts";
import { parseEvent } from "#schemas/parse-event.ts";

/** Writes April, so many times over, to a log as replay and gateway would have: `preload.ts FILE REPETITIONS PARTITIONS`. */
const [path = "", repetitions = "1", partitionCount = "12"] = process.argv.slice(2);
const eventsPerAppend = 1000;
const partitions = Number(partitionCount);
const broker: EmbeddedBroker = openEmbeddedBroker({ path });
await broker.ensureTopics(
  eventRegistry.map(({ topic }): TopicSpec => ({ name: topic, partitions, retention: { kind: "time", ms: 400 * 86_400_000 } })),
);
const history = await readHistory([shippedMonth], () => undefined);
const builders = new Map<string, RecordBatchBuilder>();
let events = 0;

for (const { head, tail, at } of eventDrafts(history, { openingStock: 1_000_000, repeat: Number(repetitions), run: "" })) {
  const parsed = parseEvent(JSON.parse(head + new Date(at).toISOString() + tail));
  if (parsed.kind === "invalid") throw new Error(JSON.stringify(parsed.problems));
  const { event, key, schema } = parsed;
  const place = `${schema.topic} ${partitionOf(key, partitions)}`;
  let builder = builders.get(place);
  if (builder === undefined) builders.set(place, (builder = new RecordBatchBuilder()));
  events += 1;
  const headers = encodeHeaders([
    ["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
    ["recordedtime", "2011-04-01T00:00:00.000Z"],
    ["correlationid", event.correlationId ?? event.eventId],
  ]);
  builder.append({ timestamp: event.timestamp, sequence: events, key, value: encodeEvent(event), headers });
  if (events % eventsPerAppend === 0) await append();
}
await append();
broker.database.connection.exec("PRAGMA wal_checkpoint(TRUNCATE)");
await broker.close();
console.log(JSON.stringify({ events }));

async function append(): Promise<void> {
  const batches: RecordBatch[] = [];
  for (const [place, builder] of builders) {
    const frame = builder.take();
    const [topic = "", partition] = place.split(" ");
    if (frame !== undefined) batches.push({ topic, partition: Number(partition), kind: "records", ...frame });
  }
  await broker.append(batches);
}
