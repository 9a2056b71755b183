import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type EmbeddedBroker, openEmbeddedBroker } from "#broker/embedded/embedded-broker.ts";
import { noHeaders, RecordBatchBuilder } from "#broker/record-batch.ts";
import { noDeliveryEvents } from "./delivery-events.ts";
import { Deliverer } from "./deliverer.ts";
import { LetterDesk } from "./letter-desk.ts";
import type { Delivery, DeliveryResult, Sink } from "./sink.ts";

const topic = "business.alerts";
let folder: string;
let broker: EmbeddedBroker;
const running: Deliverer[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "millrace-redriven-"));
  broker = openEmbeddedBroker({ path: join(folder, "log.db") });
  await broker.ensureTopics([topic, `${topic}.dlq`].map((name) => ({ name, partitions: 1, retention: { kind: "forever" } as const })));
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
  await broker.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A sink that refuses values as long as it is told to. */
class Picky implements Sink {
  readonly limits = { records: 10, bytes: 1_000_000, calls: 1 };
  readonly arrived: Delivery[] = [];
  refuses: (text: string) => boolean = () => false;

  async deliver(batch: readonly Delivery[]): Promise<readonly DeliveryResult[]> {
    return batch.map((one) => {
      if (this.refuses(one.value!.toString())) return { kind: "refused", reason: "disliked", answer: "no" };
      this.arrived.push(one);
      return { kind: "delivered" };
    });
  }

  async close(): Promise<void> {}
}

async function start(name: string, sink: Sink): Promise<void> {
  const source = { topic, partitions: 1 };
  const common = { group: `shop-sink-${name}`, member: "one", clock: Date.now, events: noDeliveryEvents, commitMs: 0 };
  const deliverer = new Deliverer({ ...common, name, sink, source, broker });
  running.push(deliverer);
  await deliverer.start();
}

test("[RD2] a sink's letter comes back to that sink alone, with the id that it had; what it refuses again can come back again", async () => {
  const [hook, table] = [new Picky(), new Picky()];
  hook.refuses = (value) => value === "b";
  await start("hook", hook);
  await start("table", table);
  const builder = new RecordBatchBuilder();
  for (const value of ["a", "b", "c"])
    builder.append({ timestamp: 7, sequence: 3, key: "k", value: Buffer.from(value), headers: noHeaders });
  await broker.append([{ topic, partition: 0, kind: "records", ...builder.take()! }]);
  const plan = { name: "shop", topics: [], subTopologies: [] };
  const desk = new LetterDesk({ broker, plan, sinkGroups: ["shop-sink-hook", "shop-sink-table"], clock: Date.now });
  const request = {
    action: "redrive",
    topics: [{ name: `${topic}.dlq`, partitions: 1 }],
    dryRun: false,
    limit: 10,
    by: "me",
    key: "open",
    why: null,
  } as const;
  const settle = async (): Promise<number> => (await desk.settle(request, new AbortController().signal)).settled;
  // Not mended yet: it is refused again, which is another letter.
  for (let times = 0; times < 2; times++) await vi.waitFor(async () => expect(await settle()).toBe(1), 10_000);
  hook.refuses = () => false;
  await vi.waitFor(async () => {
    await settle();
    expect(hook.arrived).toHaveLength(3);
  }, 10_000);
  expect(hook.arrived.map(({ value, id }) => [value!.toString(), id])).toEqual([
    ["a", `${topic}/0/0`],
    ["c", `${topic}/0/2`],
    ["b", `${topic}/0/1`],
  ]);
  expect(hook.arrived.at(-1)).toMatchObject({ key: "k", timestamp: 7, headers: [] });
  expect(table.arrived.map(({ value }) => value!.toString())).toEqual(["a", "b", "c"]);
  await desk.close();
});
