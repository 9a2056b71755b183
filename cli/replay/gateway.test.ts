import { expect, onTestFinished, test } from "vitest";
import { openTestGateway, type TestGateway, type TestOptions } from "#gateway/testing/test-gateway.ts";
import type { Appender } from "#engine/broker/broker.ts";
import { shippedMonth } from "./command.ts";
import { eventDrafts } from "./event-draft.ts";
import { readHistory } from "./history.ts";
import { runReplay } from "./replay.ts";
import type { ReplayReport } from "./report.ts";
import { HandClock } from "./testing/hand-clock.ts";

async function open(options: TestOptions = {}): Promise<TestGateway> {
  const gateway = await openTestGateway(options);
  onTestFinished(() => gateway.close());
  return gateway;
}

function replayTo({ port }: TestGateway): Promise<ReplayReport> {
  return runReplay(
    {
      files: [shippedMonth],
      to: `http://127.0.0.1:${port}`,
      speed: Number.POSITIVE_INFINITY,
      stamp: "data",
      openingStock: 50,
      repeat: 1,
      rejects: null,
      wait: false,
      batch: 1000,
      key: "sk_test",
    },
    { signal: new AbortController().signal, clock: new HandClock() },
  );
}

/** What must lie on the log: every event of the month, by its key in the order of the files. */
async function wanted(): Promise<string[]> {
  const history = await readHistory([shippedMonth], () => undefined);
  return [...eventDrafts(history, { openingStock: 50, repeat: 1, run: "" })].map(({ eventId }) => eventId);
}

/** Ids on the log by topic and key, in order of offset, each once. */
async function onTheLog(gateway: TestGateway): Promise<Map<string, string[]>> {
  const byKey = Map.groupBy(await gateway.stored(), ({ token, key }) => `${token.slice(0, token.indexOf(":"))} ${key}`);
  return new Map([...byKey].map(([key, records]) => [key, [...new Set(records.map(({ event }) => event.eventId))]]));
}

test("[P11] the gateway takes every event of the shipped month, and a second replay changes nothing", async () => {
  const gateway = await open();
  const ids = await wanted();
  const first = await replayTo(gateway);
  expect(first.events).toMatchObject({ accepted: ids.length, duplicates: 0, rejected: 0 });
  const again = await replayTo(gateway);
  expect(again.events).toMatchObject({ accepted: 0, duplicates: ids.length });
  expect(again.tokens).toEqual(first.tokens);
  const stored = await onTheLog(gateway);
  expect([...stored.values()].flat().toSorted()).toEqual(ids.toSorted());
  const partitions = new Set((await gateway.stored()).map(({ token }) => token.slice(0, token.lastIndexOf(":"))));
  expect(first.tokens.map((token) => token.slice(0, token.lastIndexOf(":"))).toSorted()).toEqual([...partitions].toSorted());
});

test("[P15] where the log fails now and then, the order of every key is that of the files", async () => {
  let calls = 0;
  const failing = (appender: Appender): Appender => ({
    append: async (batches) => {
      if (calls++ % 3 === 1) return batches.map(() => ({ kind: "retry", reason: "the test says so", afterMs: 5 }));
      return appender.append(batches);
    },
  });
  const gateway = await open({ wrap: failing });
  const report = await replayTo(gateway);
  const order = new Map((await wanted()).map((id, i) => [id, i]));
  expect(report.events.accepted + report.events.duplicates).toBe(order.size);
  expect(report.resent).toBeGreaterThan(0);
  const stored = await onTheLog(gateway);
  const places = [...stored.values()].map((some) => some.map((id) => order.get(id)!));
  expect(places.flat()).toHaveLength(order.size);
  for (const some of places) expect(some).toEqual(some.toSorted((a, b) => a - b));
});
