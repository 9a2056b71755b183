import { expect, test } from "vitest";
import { seededRandom, testSeed } from "#schemas/testing/seeded-random.ts";
import { nodeId, runOnce, runProcessor, type Arrival, type Departure } from "../testing/processor-run.ts";
import type { RecentAttempts } from "./recent-attempts.ts";
import { velocity } from "./velocity.ts";

const minute = 60_000;
const hour = 60 * minute;
const noon = 12 * hour;
const config = { limit: 3, within: "1h" };

const attempt = (at: number, orderId = `at-${at}`, cardId = "card-1"): Arrival => ({
  port: "attempts",
  key: cardId,
  at,
  value: { data: { cardId, orderId } },
});
const attempts = (...times: number[]): Arrival[] => times.map((at) => attempt(at));
const alertTimes = (departures: readonly Departure[]): number[] => departures.map(({ at }) => at);

test("[F2] the attempt above the limit alerts, and names card, order and time", () => {
  const { departures } = runProcessor(velocity, config, attempts(noon, noon + 1, noon + 2, noon + 3));
  expect(departures).toEqual([
    {
      port: "alerts",
      key: "card-1",
      at: noon + 3,
      value: { rule: "card-velocity", subject: "card-1", orderId: `at-${noon + 3}`, at: noon + 3, detail: "4 attempts within 1h" },
    },
  ]);
});

test("[F1] the span is open at its beginning: an attempt a whole span ago counts no more", () => {
  const first = attempts(noon, noon + 1, noon + 2);
  expect(runProcessor(velocity, config, [...first, attempt(noon + hour)]).departures).toEqual([]);
  expect(alertTimes(runProcessor(velocity, config, [...first, attempt(noon + hour - 1)]).departures)).toEqual([noon + hour - 1]);
});

test("[F2] a card alerts once a span, and again when the alert has left it", () => {
  const every = Array.from({ length: 30 }, (_, i) => noon + i * 10 * minute);
  expect(alertTimes(runProcessor(velocity, config, attempts(...every)).departures).map((at) => (at - noon) / minute)).toEqual([
    30, 90, 150, 210, 270,
  ]);
});

test("[F2] cards are judged each by themselves", () => {
  const mixed = [0, 1, 2, 3].flatMap((i) => [attempt(noon + i, "x", "card-1"), attempt(noon + i, "y", "card-2")]);
  const { departures } = runProcessor(velocity, config, [...mixed.slice(0, 6), ...mixed.slice(7)]);
  expect(departures.map(({ key }) => key)).toEqual(["card-2"]);
});

test("[F2] attempts at one instant count one by one", () => {
  expect(alertTimes(runProcessor(velocity, config, attempts(noon, noon, noon, noon, noon)).departures)).toEqual([noon]);
});

test("[F1] an attempt that is late by no more than the span is judged exactly, whatever was read since", () => {
  const others = [attempt(noon + hour + 10, "x", "card-2")];
  const { departures, driver } = runProcessor(velocity, config, [...attempts(noon, noon + 1, noon + 2), ...others, attempt(noon + 10)]);
  expect(alertTimes(departures)).toEqual([noon + 10]);
  expect(driver.counts(nodeId)).toMatchObject({ in: 5, folded: 4, emitted: 1, dropped: {} });
});

test("[F1] an attempt that is later than that is dropped and counted", () => {
  const { departures, driver } = runProcessor(velocity, config, [
    ...attempts(noon, noon + 1, noon + 2),
    attempt(noon + hour + 10, "x", "card-2"),
    attempt(noon + 9),
  ]);
  expect(departures).toEqual([]);
  expect(driver.counts(nodeId)).toMatchObject({ in: 5, folded: 4, dropped: { late: 1 } });
});

test("[F7] a card that is tried without end costs a bounded state, and segments behind the span are gone", () => {
  const arrivals = [...Array.from({ length: 1_100 }, (_, i) => attempt(noon + i)), attempt(noon + 3 * hour, "x", "card-2")];
  const burst = runOnce(velocity, config, arrivals.slice(0, -1)).driver.window<RecentAttempts>(nodeId, "recent")[0]!;
  expect(burst.get("card-1", noon)!.seen).toHaveLength(1_000);
  const later = runOnce(velocity, config, arrivals).driver.window<RecentAttempts>(nodeId, "recent")[0]!;
  expect([...later.range(0, noon + 9 * hour)].map(([start, card]) => [start, card])).toEqual([[noon + 3 * hour, "card-2"]]);
});

test("[F2] random attempts, some out of order, alert as a plain loop over all of them says", () => {
  const seed = testSeed();
  for (let run = 0; run < 3; run++) {
    const random = seededRandom(seed + run);
    let clock = noon;
    const arrivals = Array.from({ length: 200 }, (_, i) => {
      clock += random.between(0, 4 * minute);
      const at = random.chance(0.2) ? clock - random.between(0, 50 * minute) : clock;
      return attempt(at, `o${i}`, random.pick(["card-1", "card-2"]));
    });
    const { departures } = runProcessor(velocity, config, arrivals);
    expect(departures.length, `seed ${seed + run}`).toBeGreaterThan(0);
    expect(
      departures.map(({ value }) => (value as { orderId: string }).orderId),
      `seed ${seed + run}`,
    ).toEqual(plainLoop(arrivals));
  }
});

function plainLoop(arrivals: readonly Arrival[]): string[] {
  const seen: { readonly card: string | null; readonly at: number; readonly alerted: boolean }[] = [];
  const alerts: string[] = [];
  for (const { key, at, value } of arrivals) {
    const span = seen.filter((earlier) => earlier.card === key && earlier.at > at - hour && earlier.at <= at);
    const alerted = span.length >= 3 && !span.some((earlier) => earlier.alerted);
    seen.push({ card: key, at, alerted });
    if (alerted) alerts.push((value as { data: { orderId: string } }).data.orderId);
  }
  return alerts;
}
