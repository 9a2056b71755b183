import { expect, test } from "vitest";
import { Course } from "../run/course.ts";
import { readSettings } from "../settings.ts";
import { chart } from "./chart.ts";
import { heldAll, type Outcome, rowsOf, tableOf, verdictOf } from "./outcome.ts";
import { pageOf } from "./page.ts";

const settings = readSettings({ SCENARIO: "smoke", BATCH: "10", RUN: "r1" }, 0);
const log = {
  accepted: 100,
  records: 100,
  keys: 7,
  lost: 0,
  doubled: 0,
  disordered: 0,
  unasked: 0,
  strange: 0,
  unknown: { sent: 0, stored: 0 },
  good: true,
  examples: [],
};

function outcomeOf(more: Partial<Outcome> = {}): Outcome {
  const course = new Course(10);
  for (let request = 0; request < 10; request++) {
    const at = { user: 1, request, phase: "steady", sentAt: 1_763_800_000_000 + request * 500 };
    course.take({ kind: "posted", ...at, ms: request, outcomes: "", status: 200, code: "" });
    if (request % 5 === 0) course.take({ kind: "shown", ...at, ms: 40 + request, ack: "broker" });
  }
  const k6Run = {
    course,
    thresholds: [{ name: "dropped_iterations count==0", held: true, value: 0 }],
    droppedIterations: 0,
    k6: { cpuSeconds: 1, peakMb: 90 },
    server: { cpuSeconds: 2, peakMb: 200 },
    seconds: 5,
    interrupted: false,
  };
  const machine = { cores: 2, cpu: "<cpu>", memoryGib: 4, system: "linux", node: "v24", commit: "abc", loadBefore: "0.1 0.1 0.1" };
  const about = { settings, machine, loadAfter: "1.0 0.5 0.2", k6Version: "v1.8.1", url: undefined, startedAt: new Date(0) };
  return { ...about, k6Run, log, orders: undefined, readers: undefined, serverAway: undefined, ...more };
}

test("[LT9] a run that held says so, with rate, percentiles, both costs, ack level and machine", () => {
  const outcome = outcomeOf();
  expect(heldAll(outcome)).toBe(true);
  const table = tableOf(rowsOf(outcome));
  expect(table).toMatch(/accepted +100, ack level broker/);
  expect(table).toMatch(
    /post to answer: p50 · p95 · p99 · max +5\.0 ms · 9\.0 ms · 9\.0 ms · 9\.0 ms \(10 requests, 20 events\/s accepted\)/,
  );
  expect(table).toMatch(/send to shown: .* 45 ms .*\(2 orders\)/);
  expect(table).toMatch(/cost of k6 +0\.20 cores on average, 1\.0 CPU s, 10000\.0 µs an event, 90 MB/);
  expect(table).toMatch(/cost of server +0\.40 cores/);
  expect(table).toMatch(/✓ log +100 events of 7 keys read back: 0 lost, 0 doubled, 0 disordered/);
  const page = pageOf(outcome);
  expect(page).toContain("All thresholds held");
  expect(page).toContain("2 × &lt;cpu&gt;, 4 GiB");
  expect(page.match(/<svg /g)).toHaveLength(3);
});

test("[LT9] the report is one file that asks for nothing else, in light and dark", () => {
  const page = pageOf(outcomeOf());
  expect(page).not.toMatch(/<script|<link|@import|url\(|src=|https?:/);
  expect(page).toContain("prefers-color-scheme:dark");
});

test("[LT2] what is lost is told in table and report; a threshold that was crossed too", () => {
  const lost = outcomeOf({ log: { ...log, lost: 1, good: false, examples: ["r1.1.2.3 was accepted and is not in <topic>"] } });
  expect(heldAll(lost)).toBe(false);
  expect(tableOf(rowsOf(lost))).toMatch(/✗ log .* 1 lost/);
  expect(pageOf(lost)).toContain("is not in &lt;topic&gt;");
  const { k6Run } = outcomeOf();
  const crossed = outcomeOf({ k6Run: { ...k6Run, thresholds: [{ name: "shown{phase:steady} p(95)<100", held: false, value: 140.26 }] } });
  expect(heldAll(crossed)).toBe(false);
  expect(verdictOf(crossed)).toBe("Not held: threshold shown{phase:steady} p(95)<100 (140.3).");
  expect(pageOf(crossed)).toContain("Not held: threshold shown{phase:steady} p(95)&lt;100 (140.3).");
  const busy = outcomeOf({ k6Run: crossed.k6Run, machine: { ...crossed.machine, loadBefore: "5.3 3.6 3.1" } });
  expect(verdictOf(busy)).toMatch(/\. The machine was busy before it began \(load average 5\.3 3\.6 3\.1 on 2 cores\).* --no-timings\.$/);
  expect(tableOf(rowsOf(crossed))).toMatch(/✗ threshold shown\{phase:steady\} p\(95\)<100 +140\.3/);
});

test("[LT9] a chart has a gap where there is no value, and draws nothing that is no number", () => {
  const svg = chart([{ name: "a", values: [1, undefined, 3, 4] }], { unit: "ms", bound: 2 });
  expect(/d="(M[^"]+)"/.exec(svg)![1]!.match(/M/g)).toHaveLength(2);
  expect(svg).toContain('class="bound"');
  for (const values of [[], [undefined], [0], [0, 0]]) expect(chart([{ name: "a", values }], { unit: "ms" })).not.toMatch(/NaN|Infinity/);
});
