import { expect, test } from "vitest";
import { optionsFor, ordersPerQuestion, ordersShare } from "./k6/options-for.ts";
import { parseLoadCommand } from "./options.ts";
import { checkedUrl, readSettings } from "./settings.ts";

const runOf = (...args: readonly string[]) => {
  const command = parseLoadCommand(args, 1_763_800_000_000);
  if (command.kind !== "run") throw new Error(command.kind);
  return command;
};
const usage = (message: RegExp) => expect.objectContaining({ code: "LOAD_USAGE", message: expect.stringMatching(message) as string });

test("[LT7] a scenario by its name; batch, length, rate and seed as asked", () => {
  const { settings, url } = runOf("10k");
  expect(settings).toMatchObject({ name: "10k", batch: 10, seed: 1, timings: true });
  expect(settings.scenario.phases.slice(1)).toEqual([{ name: "steady", seconds: 60, eventsPerSecond: 10_000, timed: true }]);
  expect(url).toBeUndefined();
  const changed = runOf("soak", "--batch", "100", "--seconds", "20", "--rate", "12000", "--seed", "7", "--no-timings").settings;
  expect(changed).toMatchObject({ batch: 100, seed: 7, timings: false });
  expect(changed.scenario.phases).toMatchObject([{ seconds: 20, eventsPerSecond: 12_000 }]);
  expect(changed.scenario.summary).toBe("20 s of 12000 events/s instead of: 10 min of 2,000 events/s");
  expect(runOf("soak").settings.scenario.summary).toBe("10 min of 2,000 events/s");
  expect(parseLoadCommand([], 0).kind).toBe("help");
  expect(parseLoadCommand(["10k", "--help"], 0).kind).toBe("help");
  expect(parseLoadCommand(["fetch"], 0).kind).toBe("fetch");
});

test.each([
  [["11k"], /no scenario 11k; there are smoke, 10k/],
  [["10k", "spike"], /one scenario at a time/],
  [["10k", "--batch", "0"], /^--batch is a whole number from 1 to 1000, not 0/],
  [["spike", "--seconds", "5"], /spike has a course of its own/],
  [["10k", "--consent", "shop.example"], /--consent is for a server named by --url/],
  [["10k", "--url", "http://127.0.0.1:8080", "--data", "x"], /not with --url/],
  [["10k", "--fast"], /^Unknown option '--fast'; npm run load -- --help$/],
  [["--batch", "10"], /which scenario/],
] as const)("[LT7] %j is refused with what would be right", (args, message) => {
  expect(() => parseLoadCommand(args, 0)).toThrow(usage(message));
});

test("[LT8] load goes to this machine only, unless the other host is named again", () => {
  for (const url of ["http://127.0.0.1:8080", "http://127.1.2.3", "http://localhost:1", "http://[::1]:8080"])
    expect(checkedUrl(`${url}/`, undefined)).toBe(url);
  for (const url of ["http://shop.example", "http://10.0.0.7:8080", "http://127.0.0.1.shop.example", "http://localhost.shop.example"])
    expect(() => checkedUrl(url, undefined)).toThrow(/another machine/);
  for (const url of [
    "http://127.0.0.1@shop.example",
    "http://127.0.0.1:80@shop.example",
    "ftp://localhost",
    "localhost:8080",
    "http://localhost/x",
  ])
    expect(() => checkedUrl(url, undefined)).toThrow(/a server is http/);
  expect(checkedUrl("https://shop.example", "shop.example")).toBe("https://shop.example");
  expect(() => checkedUrl("https://shop.example", "shop.exampl")).toThrow(/another machine/);
  expect(() => readSettings({ URL: "http://shop.example" }, 0)).toThrow(/another machine/);
});

test("[LT9] every phase is an open model at its own rate, whatever the batch", () => {
  for (const batch of ["1", "10", "100", "7"]) {
    const settings = readSettings({ SCENARIO: "spike", BATCH: batch }, 0);
    const { scenarios = {} } = optionsFor(settings);
    for (const { name, eventsPerSecond } of settings.scenario.phases) {
      const { executor, rate, timeUnit } = scenarios[name] as { executor: string; rate: number; timeUnit: string };
      expect(executor).toBe("constant-arrival-rate");
      expect(Math.abs((rate / Number.parseInt(timeUnit, 10)) * Number(batch) - eventsPerSecond)).toBeLessThan(eventsPerSecond / 500);
    }
    expect(Object.values(scenarios).map((scenario) => scenario.startTime)).toEqual(["0s", "15s", "25s", "35s"]);
  }
});

test("[LT9] a request knows its phase, by which its latency is judged; some 20 orders a second are waited for in each", () => {
  const settings = readSettings({ SCENARIO: "spike" }, 0);
  const { scenarios = {} } = optionsFor(settings);
  const every = ordersPerQuestion(settings);
  for (const { name, eventsPerSecond } of settings.scenario.phases) {
    expect(scenarios[name]).toMatchObject({ env: { PHASE: name }, tags: { kind: "post", phase: name } });
    expect((eventsPerSecond * ordersShare) / every[name]!).toBeCloseTo(20, 0);
  }
});

test("[LT9] thresholds are those of the targets; without timings only what must never happen", () => {
  const thresholdsOf = (env: Record<string, string>) => optionsFor(readSettings(env, 0)).thresholds;
  expect(thresholdsOf({ SCENARIO: "10k" })).toEqual({
    events_rejected: ["count==0"],
    events_unsettled: ["count==0"],
    not_shown: ["count==0"],
    dropped_iterations: ["count==0"],
    "http_req_duration{kind:post,phase:steady}": ["p(95)<100"],
    "shown{phase:steady}": ["p(95)<100"],
  });
  expect(Object.keys(thresholdsOf({ SCENARIO: "spike" })!).filter((name) => name.includes("phase"))).toEqual([
    "http_req_duration{kind:post,phase:before}",
    "shown{phase:before}",
    "http_req_duration{kind:post,phase:after}",
    "shown{phase:after}",
  ]);
  expect(Object.keys(thresholdsOf({ SCENARIO: "smoke", TIMINGS: "off" })!)).toEqual(["events_rejected", "events_unsettled", "not_shown"]);
});
