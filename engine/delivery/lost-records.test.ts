import { afterEach, expect, test } from "vitest";
import { type EmbeddedBroker, openEmbeddedBroker } from "#broker/embedded/embedded-broker.ts";
import { noHeaders, RecordBatchBuilder } from "#broker/record-batch.ts";
import { Deliverer } from "./deliverer.ts";
import { noDeliveryEvents } from "./delivery-events.ts";

const topic = "business.alerts";
const hourMs = 3_600_000;

let broker: EmbeddedBroker | undefined;
afterEach(() => broker?.close());

test("[D14] a sink that comes back when retention has dropped what it had not read says so, and goes on behind it", async () => {
  let nowMs = Date.now();
  const log = (broker = openEmbeddedBroker({ path: ":memory:", clock: () => nowMs }));
  const ofAnHour = { kind: "time", ms: hourMs } as const;
  await log.ensureTopics([topic, `${topic}.dlq`].map((name) => ({ name, partitions: 2, retention: ofAnHour })));
  const append = async (value: string, partition = 0): Promise<void> => {
    const builder = new RecordBatchBuilder();
    builder.append({ timestamp: nowMs, sequence: 0, key: "k", value: Buffer.from(value), headers: noHeaders });
    await log.append([{ topic, partition, kind: "records", ...builder.take()! }]);
  };
  const arrived: string[] = [];
  const lost: unknown[] = [];
  const running = async (work: (deliverer: Deliverer) => Promise<void>): Promise<void> => {
    const deliverer = new Deliverer({
      name: "hook",
      group: "shop-sink-hook",
      member: "one",
      sink: {
        limits: { records: 10, bytes: 1_000_000, calls: 1 },
        deliver: (batch) => {
          arrived.push(...batch.map(({ value }) => Buffer.from(value!).toString()));
          return Promise.resolve(batch.map(() => ({ kind: "delivered" as const })));
        },
        close: () => Promise.resolve(),
      },
      source: { topic, partitions: 2 },
      broker: log,
      clock: Date.now,
      events: { ...noDeliveryEvents, lost: (gap) => void lost.push(gap) },
      commitMs: 0,
    });
    await deliverer.start();
    await Promise.race([work(deliverer), deliverer.ended]);
    await deliverer.stop();
  };

  await append("first");
  await append("other", 1);
  await running(() => expect.poll(() => arrived.length).toBe(2));
  // Nobody delivers while these come and go.
  await append("dropped");
  await append("dropped too");
  nowMs += 2 * hourMs;
  while (log.maintain()) continue;
  await append("kept");
  await running(async () => {
    await expect.poll(() => arrived).toContain("kept");
    await append("next");
    await append("next of another", 1);
    await expect.poll(() => arrived.length).toBe(5);
  });
  expect(arrived.filter((value) => value.startsWith("dropped"))).toEqual([]);
  expect(lost).toEqual([{ partition: 0, from: 1n, to: 3n }]);
  // What was passed is committed: nobody loses it a second time.
  lost.length = 0;
  await running(async () => {
    await append("last");
    await expect.poll(() => arrived).toContain("last");
  });
  expect(lost).toEqual([]);
});
