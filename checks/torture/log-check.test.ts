import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { noHeaders, openEmbeddedBroker, partitionOf, RecordBatchBuilder } from "@millrace/engine";
import { eventDrafts } from "#cli/replay/event-draft.ts";
import { readHistory } from "#cli/replay/history.ts";
import { encodeEvent } from "#schemas/event-codec.ts";
import { eventRegistry, schemaOf } from "#schemas/event-registry.ts";
import { parseEvent } from "#schemas/parse-event.ts";
import { checkLog } from "./log-check.ts";

// What the check of the log would say of a log that is wrong: an alarm that cannot ring proves nothing.
const folder = mkdtempSync(join(tmpdir(), "millrace-log-check-"));
const csv = join(folder, "orders.csv");
const replayed = { files: [csv], openingStock: 0, repeat: 1 };
type Parsed = Extract<ReturnType<typeof parseEvent>, { kind: "parsed" }>;
let events: Parsed[];

beforeAll(async () => {
  const row = (invoice: string, minute: number): string => `${invoice},22423,CAKESTAND,1,2011-04-01 08:${minute}:00,10.95,18161.0,France`;
  writeFileSync(
    csv,
    [row("548551", 10), row("548552", 20), row("C548553", 30), row("548554", 40)]
      .join("\n")
      .replace(",1,2011-04-01 08:30", ",-1,2011-04-01 08:30"),
  );
  const history = await readHistory(replayed.files, () => undefined);
  events = [...eventDrafts(history, { openingStock: 0, repeat: 1, run: "" })].map(({ head, at, tail }) => {
    const parsed = parseEvent(JSON.parse(`${head}${new Date(at).toISOString()}${tail}`));
    if (parsed.kind !== "parsed") throw new Error(JSON.stringify(parsed.problems));
    return parsed;
  });
  expect(events.map(({ event }) => event.eventType).filter((type) => type.startsWith("order."))).toEqual([
    "order.created",
    "order.created",
    "order.cancelled",
    "order.created",
  ]);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What is said of a log that holds these events in this order, stamped in this order. */
async function saidOf(written: readonly Parsed[], sequenceOf: (i: number) => number = (i) => i + 1): Promise<readonly string[]> {
  const data = mkdtempSync(join(folder, "data-"));
  const broker = openEmbeddedBroker({ path: join(data, "log.db") });
  await broker.ensureTopics(eventRegistry.map(({ topic, partitions }) => ({ name: topic, partitions, retention: { kind: "forever" } })));
  for (const [i, { event, key }] of written.entries()) {
    const { topic, partitions } = schemaOf(event.eventType);
    const builder = new RecordBatchBuilder();
    builder.append({ timestamp: event.timestamp, sequence: sequenceOf(i), key, value: encodeEvent(event), headers: noHeaders });
    await broker.append([{ topic, partition: partitionOf(key, partitions), kind: "records", ...builder.take()! }]);
  }
  await broker.close();
  return (await checkLog(data, replayed)).broken;
}

test("[X3] the check of the log finds nothing in a good one, also when events came again", async () => {
  expect(await saidOf(events)).toEqual([]);
  expect(await saidOf([...events.slice(0, 5), ...events])).toEqual([]);
});

test("[X3] the check of the log sees what is lost, what is out of order, and what is out of order across topics", async () => {
  const lost = events.at(-1)!;
  expect(await saidOf(events.slice(0, -1))).toEqual([`${lost.event.eventId} is not on the log`]);
  const orders = events.filter(({ event }) => event.eventType === "order.created");
  const swapped = events.map((each) => (each === orders[0] ? orders[1]! : each === orders[1] ? orders[0]! : each));
  expect(await saidOf(swapped)).toContain("the events of 18161 in business.orders.created are out of order");
  const cancelled = events.findIndex(({ event }) => event.eventType === "order.cancelled");
  expect(await saidOf(events, (i) => (i === cancelled ? 0.5 : i + 1))).toEqual(["the events of 18161 are out of order across topics"]);
});
