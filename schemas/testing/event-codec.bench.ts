// CPU time of one order with three lines through JSON door and codec, beside JSON.parse and avsc in the same run:
//   node schemas/testing/event-codec.bench.ts
import { Buffer } from "node:buffer";
import process from "node:process";
import avsc from "avsc";
import { decodeEvent, encodeEvent, framingBytes, projectedDecoder } from "../event-codec.ts";
import { keyOf } from "../event-key.ts";
import { schemaOf } from "../event-registry.ts";
import { toAvro } from "../field-type.ts";
import { exampleOf } from "../json/example.ts";
import { parseEvent, requireEvent } from "../parse-event.ts";

const count = 500;
const roundsOfEach = 9;

const orders = Array.from({ length: count }, (_, i) => {
  const example = exampleOf("order.created") as { data: { items: readonly unknown[] } };
  const [item] = example.data.items;
  return { ...example, eventId: `2011-04:536365:${i}`, data: { ...example.data, orderId: String(536_365 + i), items: [item, item, item] } };
});
const texts = orders.map((order) => JSON.stringify(order));
const events = orders.map((order) => requireEvent("order.created", order));
const encoded = events.map((event) => Buffer.from(encodeEvent(event)));
const reference = avsc.Type.forSchema(toAvro(schemaOf("order.created").type) as avsc.Schema);
const referenceValues: unknown[] = encoded.map((bytes) => reference.fromBuffer(bytes.subarray(framingBytes)));
const shared = Buffer.alloc(64 * 1024);
const lines = projectedDecoder("order.created", ["eventId", "timestamp", "data.items.sku", "data.items.quantity", "data.items.unitPrice"]);
const head = projectedDecoder("order.created", ["eventId", "timestamp"]);

/** The median of the rounds, in ns of CPU of all threads an event. */
function measure(name: string, run: (i: number) => void): void {
  const rounds = Array.from({ length: roundsOfEach }, () => {
    const before = process.cpuUsage();
    for (let pass = 0; pass < 40; pass++) for (let i = 0; i < count; i++) run(i);
    const { user, system } = process.cpuUsage(before);
    return ((user + system) * 1000) / (40 * count);
  });
  const median = rounds.toSorted((a, b) => a - b)[roundsOfEach >> 1]!;
  process.stdout.write(`${name.padEnd(28)}${median.toFixed(0).padStart(7)} ns\n`);
}

process.stdout.write(`one order: ${texts[0]!.length} characters of JSON, ${encoded[0]!.length} bytes\n`);
measure("JSON.parse", (i) => void JSON.parse(texts[i]!));
measure("parseEvent, beyond it", (i) => void parseEvent(orders[i]));
measure("encodeEvent", (i) => void encodeEvent(events[i]!));
measure("avsc encode, shared buffer", (i) => void reference.encode(referenceValues[i], shared, 0));
measure("decodeEvent", (i) => void decodeEvent(encoded[i]!));
measure("avsc fromBuffer", (i) => void reference.fromBuffer(encoded[i]!.subarray(framingBytes)));
measure("projection: the lines", (i) => void lines(encoded[i]!));
measure("projection: id and time", (i) => void head(encoded[i]!));
measure("keyOf", (i) => void keyOf(events[i]!));
