import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { noHeaders, openEmbeddedBroker, partitionOf, type RecordBatch, RecordBatchBuilder } from "@millrace/engine";
import { encodeEvent } from "#schemas/event-codec.ts";
import { eventRegistry, schemaOf } from "#schemas/event-registry.ts";
import { parseEvent } from "#schemas/parse-event.ts";
import { seededRandom, testSeed } from "#schemas/testing/seeded-random.ts";
import { firstRequestOf } from "../event-id.ts";
import { bodyOf, createRound, keyInRound } from "../round.ts";
import type { MadeEvent } from "../shopper.ts";
import { LogJudge, type LogVerdict, verdictLine } from "./log-verdict.ts";
import { readLog } from "./read-log.ts";
import { SentEvents } from "./sent-events.ts";

// What the verifier says of logs that were tampered with: an alarm that cannot ring proves nothing.
const folder = mkdtempSync(join(tmpdir(), "millrace-load-verify-"));
afterAll(() => rmSync(folder, { recursive: true }));

const names = { run: "r1", seed: testSeed(), batch: 5 };
const [users, requests] = [3, 40];
type Sent = { readonly text: string; readonly user: number; readonly request: number; readonly key: string; readonly eventType: string };

/** All events of the run, in the order in which its users sent them, taking turns. `request` counts from the user's first. */
const all: readonly Sent[] = (() => {
  const rounds = Array.from({ length: users }, (_, i) => {
    const made: MadeEvent[] = [];
    return { round: createRound(names, i + 1, (event) => made.push(event)), made };
  });
  return Array.from({ length: requests }, (_, request) =>
    rounds.flatMap(({ round, made }, i) => {
      const user = i + 1;
      const n = firstRequestOf(user, names.batch) + request;
      const [times, place] = [Math.floor(n / round.length), n % round.length];
      const events = JSON.parse(bodyOf(round[place]!, times, "2026-11-20T09:00:00.000Z")) as readonly unknown[];
      return events.map((event, index): Sent => {
        const { eventType, key } = made[place * names.batch + index]!;
        return { text: JSON.stringify(event), user, request, eventType, key: keyInRound({ eventType, key }, times) };
      });
    }),
  ).flat();
})();

type Change = {
  readonly outcomesOf?: (user: number, request: number) => string | undefined;
  readonly partitionOf?: (key: string, partitions: number) => number;
};

/** The verdict over a log that holds these events in this order. */
async function verdictOf(written: readonly Sent[], change: Change = {}): Promise<LogVerdict> {
  const data = mkdtempSync(join(folder, "data-"));
  const broker = openEmbeddedBroker({ path: join(data, "log.db") });
  await broker.ensureTopics(eventRegistry.map(({ topic, partitions }) => ({ name: topic, partitions, retention: { kind: "forever" } })));
  const batches = written.map(({ text }): RecordBatch => {
    const parsed = parseEvent(JSON.parse(text));
    if (parsed.kind !== "parsed") throw new Error(JSON.stringify(parsed.problems));
    const { event, key } = parsed;
    const { topic, partitions } = schemaOf(event.eventType);
    const builder = new RecordBatchBuilder();
    builder.append({ timestamp: event.timestamp, sequence: 0, key, value: encodeEvent(event), headers: noHeaders });
    return { topic, partition: (change.partitionOf ?? partitionOf)(key, partitions), kind: "records", ...builder.take()! };
  });
  await broker.append(batches);
  await broker.close();
  const sent = new SentEvents(names);
  for (let user = 1; user <= users; user++) {
    for (let request = 0; request < requests; request++) {
      const outcomes = change.outcomesOf === undefined ? "" : change.outcomesOf(user, request);
      if (outcomes === undefined) continue;
      const number = firstRequestOf(user, names.batch) + request;
      sent.take({ kind: "posted", user, request: number, phase: "steady", sentAt: 0, ms: 1, outcomes, status: 200, code: "" });
    }
  }
  const judge = new LogJudge(sent.finish(), names);
  for await (const record of readLog(data)) judge.take(record);
  return judge.verdict();
}

const clean = { lost: 0, doubled: 0, disordered: 0, unasked: 0, strange: 0, good: true };
const random = seededRandom(names.seed);

test("[LT1] a log with all that was accepted, in order, is good; events of others in it are let be", async () => {
  const verdict = await verdictOf(all);
  expect(verdict, `SEED=${names.seed}`).toMatchObject({ ...clean, accepted: all.length, records: all.length, examples: [] });
  expect(verdictLine(verdict)).toMatch(/^600 events of \d+ keys read back: 0 lost, 0 doubled, 0 disordered$/);
  const others = all.map((sent) => ({ ...sent, text: sent.text.replace('"eventId":"r1.', '"eventId":"r2.') }));
  expect(await verdictOf([...others.slice(0, 50), ...all])).toMatchObject({ ...clean, records: all.length });
});

test("[LT2] what is lost is counted and named", async () => {
  const gone = new Set([random.between(0, 199), random.between(200, 399), random.between(400, 599)]);
  const verdict = await verdictOf(all.filter((_, i) => !gone.has(i)));
  expect(verdict, `SEED=${names.seed}`).toMatchObject({ ...clean, lost: 3, good: false });
  expect(verdict.examples).toHaveLength(3);
  expect(verdict.examples[0]).toMatch(/^r1\.\d+\.\d+-\d+\.\d was accepted and is not in business\./);
});

test("[LT2] what is there twice is counted, wherever the second copy stands, and is not out of order too", async () => {
  const again = all[random.between(0, 100)]!;
  expect(await verdictOf([...all, again, again]), `SEED=${names.seed}`).toMatchObject({ ...clean, doubled: 2, good: false });
});

test("[LT3] two events of one key that changed places are out of order; of two keys they are not", async () => {
  const of = (sent: Sent): string => `${sent.eventType} ${sent.key}`;
  const first = all.findIndex((sent, i) => all.findIndex((other, j) => j > i && of(other) === of(sent)) > 0);
  const second = all.findIndex((sent, i) => i > first && of(sent) === of(all[first]!));
  const swapped = all.with(first, all[second]!).with(second, all[first]!);
  expect(await verdictOf(swapped), `SEED=${names.seed}`).toMatchObject({ ...clean, disordered: 1, good: false });
  // All of one user's events before all of another's: no key is both users'.
  expect(await verdictOf(all.toSorted((a, b) => b.user - a.user))).toMatchObject(clean);
});

test("[LT3] a key in two partitions is told", async () => {
  const moved = all.findIndex((sent, i) => all.findIndex((other) => other.key === sent.key && other.eventType === sent.eventType) < i);
  let appended = 0;
  const verdict = await verdictOf(all, {
    partitionOf: (key, partitions) => (partitionOf(key, partitions) + (appended++ === moved ? 1 : 0)) % partitions,
  });
  expect(verdict, `SEED=${names.seed}`).toMatchObject({ ...clean, good: false, strange: expect.any(Number) as number });
  expect(verdict.examples.join()).toMatch(/is in partitions \d+ and \d+/);
});

test("[LT4] without an answer an event may be there or not, but not twice; what was turned away must not be there", async () => {
  const cut = (user: number, request: number): string | undefined => (user === 1 && request === 7 ? undefined : "");
  const ofCut = all.filter(({ user, request }) => user === 1 && request === 7);
  expect(await verdictOf(all, { outcomesOf: cut })).toMatchObject({ ...clean, unknown: { sent: 5, stored: 5 } });
  expect(
    await verdictOf(
      all.filter((sent) => !ofCut.includes(sent)),
      { outcomesOf: cut },
    ),
  ).toMatchObject({
    ...clean,
    unknown: { sent: 5, stored: 0 },
  });
  expect(await verdictOf([...all, ofCut[0]!], { outcomesOf: cut })).toMatchObject({ ...clean, doubled: 1, good: false });
  const refused = (user: number, request: number): string => (user === 2 && request === 3 ? "arrta" : "");
  const verdict = await verdictOf(all, { outcomesOf: refused });
  expect(verdict).toMatchObject({ ...clean, unasked: 3, good: false });
  const place = all.filter(({ user, request }) => user === 2 && request === 3).slice(1, 4);
  expect(
    await verdictOf(
      all.filter((sent) => !place.includes(sent)),
      { outcomesOf: refused },
    ),
  ).toMatchObject(clean);
});

test("[LT4] the last request of a user may have been cut off: what it stored is known, what it did not is no loss", async () => {
  const last = requests - 1;
  const told = (_: number, request: number): string | undefined => (request === last ? undefined : "");
  expect(await verdictOf(all, { outcomesOf: told })).toMatchObject({ ...clean, unknown: { sent: 15, stored: 15 } });
  expect(
    await verdictOf(
      all.filter(({ request }) => request !== last),
      { outcomesOf: told },
    ),
  ).toMatchObject({
    ...clean,
    unknown: { sent: 0, stored: 0 },
  });
});

test("[LT3] an event that nobody sent so is told", async () => {
  const strange = { ...all[0]!, text: all[0]!.text.replace('"eventId":"r1.1.', '"eventId":"r1.9.') };
  expect(await verdictOf([...all, strange])).toMatchObject({ ...clean, strange: 1, good: false });
});
