import { expect, test } from "vitest";
import type { StoreSpec } from "#state/store.ts";
import type { TaskStateLimits } from "#state/task-state.ts";
import type { NodeCounts } from "#task/node-counts.ts";
import type { Plan } from "#task/plan.ts";
import { driverCommitSteps, TopologyDriver, type DriverOptions } from "./driver.ts";
import { jsonCodec } from "./json-codec.ts";
import type { Written } from "./test-plan.ts";

/** What a test does: a record for a topic (its value as JSON; bytes as they are), or the wall clock moved on. */
export type TestStep = TestInput | { readonly advanceMs: number };
export type TestInput = { readonly to: string; readonly key: string | null; readonly value: unknown; readonly at: number };

/** A record of a topic, its JSON value read; `headers` by name. */
export type TestOutput = Written & { readonly key: string | null; readonly at: number; readonly headers: Readonly<Record<string, string>> };

export type Outcome = {
  readonly driver: TopologyDriver;
  /** All records of a topic in order of partition and offset. */
  readonly out: (topic: string) => readonly TestOutput[];
  /** Entries of every store of every node by `node.store`, as JSON with sorted fields, sorted. */
  readonly stores: Readonly<Record<string, readonly string[]>>;
  readonly counts: Readonly<Record<string, NodeCounts>>;
};

export type EveryWayTest = {
  /** Given as a function of the number of partitions, the plan also runs split over three; then `check` must not look at the order of keys. */
  readonly plan: Plan | ((partitions: number) => Plan);
  readonly steps: readonly TestStep[];
  /** The inputs also run with all of them on the log beforehand. Left out: when no clock moves and the inputs are in order of time. */
  readonly beforehand?: boolean;
  /** Stores (`node.store`) that are not compared: behind a repartition, how soon the expired goes depends on how the input is cut. */
  readonly notCompared?: readonly string[];
  readonly check: (outcome: Outcome) => void;
};

type Way = {
  readonly options?: DriverOptions;
  readonly restart?: boolean;
  readonly beforehand?: boolean;
  readonly partitions?: number;
};

const tiny: Partial<TaskStateLimits> = { tailEntries: 2, tailBytes: 64, cachedEntries: 1 };
/** Not every other commit for ever: behind a restart marks of time are told again, which is a commit. */
const cutAt =
  (wanted: string): NonNullable<DriverOptions["crash"]> =>
  (commit, step) =>
    commit % (commit < 12 ? 2 : 7) === 0 && step === wanted;

/** How a test is disturbed. */
const ways: Readonly<Record<string, Way>> = {
  "as it is": {},
  "with a restart after each step": { restart: true },
  ...Object.fromEntries(
    driverCommitSteps.map((step) => [`with the power cut at "${step}" of many commits`, { options: { crash: cutAt(step) } }]),
  ),
  "with tiny limits of state": { options: { limits: tiny } },
  "with tiny limits of state and restarts": { options: { limits: tiny }, restart: true },
  "with gaps between offsets": { options: { gaps: true } },
  "with all inputs on the log beforehand": { beforehand: true },
  "with all inputs on the log beforehand, in slices of 1": { beforehand: true, options: { slice: 1 } },
  "with all inputs on the log beforehand, gaps and power cuts": {
    beforehand: true,
    options: { slice: 3, gaps: true, crash: cutAt("gathered") },
  },
  "split over three partitions": { partitions: 3 },
  "split over three partitions, with restarts": { partitions: 3, restart: true },
};

/**
 * One test for each way to run the steps: `check` holds in every one, outputs, stores and counts are those of the undisturbed run (by key, where
 * partitions are split), no task has stopped, and the counts of every node balance [T7] [T8].
 */
export function everyWay(name: string, { plan, steps, check, beforehand = inOrder(steps), notCompared = [] }: EveryWayTest): void {
  const planOf = typeof plan === "function" ? plan : (): Plan => plan;
  for (const [how, way] of Object.entries(ways)) {
    if (way.beforehand === true && !beforehand) continue;
    if (way.partitions !== undefined && typeof plan !== "function") continue;
    test(`${name}, ${how}`, () => {
      const plain = runSteps(planOf(1), steps, {});
      const outcome = way === ways["as it is"] ? plain : runSteps(planOf(way.partitions ?? 1), steps, way);
      expect([...outcome.driver.stopped]).toEqual([]);
      expect(unbalanced(outcome.counts)).toEqual([]);
      check(outcome);
      const lines = way.partitions === undefined ? linesOf : linesByKey;
      const [actual, expected] = [outcome, plain].map(({ stores, ...others }) =>
        lines(
          { ...others, stores: Object.fromEntries(Object.entries(stores).filter(([store]) => !notCompared.includes(store))) },
          planOf(1),
        ),
      );
      expect(firstDifference(actual!, expected!)).toBeUndefined();
    });
  }
}

/** Runs the steps once; for tests that judge for themselves. */
export function runSteps(plan: Plan, steps: readonly TestStep[], { options, restart = false, beforehand = false }: Way = {}): Outcome {
  const driver = new TopologyDriver(plan, options);
  for (const step of steps) {
    if ("advanceMs" in step) driver.advance(step.advanceMs);
    else if (beforehand) driver.append(step.to, inputOf(step));
    else driver.pipe(step.to, inputOf(step));
    if (restart) driver.restart();
  }
  // What was put on the log beforehand is taken now.
  driver.advance(0);
  return outcomeOf(driver, plan);
}

export function outcomeOf(driver: TopologyDriver, plan: Plan): Outcome {
  const nodes = plan.subTopologies.flatMap((sub) => sub.nodes);
  return {
    driver,
    out: (topic) =>
      driver.records(topic).map(({ key, value, timestamp, headers }) => ({
        key,
        at: timestamp,
        ...(readable(value) as Written),
        headers: Object.fromEntries(headers),
      })),
    stores: Object.fromEntries(
      nodes.flatMap(({ id, processor }) =>
        Object.entries(processor.stores).map(([store, spec]) => [`${id}.${store}`, entriesOf(driver, { node: id, store, spec })]),
      ),
    ),
    counts: Object.fromEntries(nodes.map(({ id }) => [id, driver.counts(id)])),
  };
}

/** Nodes whose records did not each have one fate. */
export function unbalanced(counts: Outcome["counts"]): string[] {
  return Object.entries(counts)
    .filter(([, { in: entered, emitted, folded, deadLettered, dropped }]) => {
      const sum = Object.values(dropped).reduce((a, b) => a + b, 0);
      return entered !== emitted + folded + deadLettered + sum;
    })
    .map(([node, count]) => `${node}: ${JSON.stringify(count)}`);
}

const inputOf = ({ key, value, at }: TestInput): { key: string | null; value: Uint8Array | null; timestamp: number } => ({
  key,
  timestamp: at,
  value: value === null ? null : value instanceof Uint8Array ? value : jsonCodec.encode(value),
});

function inOrder(steps: readonly TestStep[]): boolean {
  return steps.every((step, i) => {
    const before = steps[i - 1];
    return !("advanceMs" in step) && (before === undefined || ("at" in before && before.at <= step.at));
  });
}

/** Dead letters hold what came in; what is no JSON is shown as bytes. */
function readable(value: Uint8Array | null): object {
  if (value === null) return { value: null };
  try {
    const read = jsonCodec.decode(value);
    return typeof read === "object" && read !== null && "value" in read ? read : { value: read };
  } catch {
    return { value: Buffer.from(value).toString("hex") };
  }
}

function entriesOf(driver: TopologyDriver, { node, store, spec }: { node: string; store: string; spec: StoreSpec }): string[] {
  const entries: unknown[] =
    spec.kind === "window"
      ? driver.window(node, store).flatMap((one) => [...one.range(0, Infinity)])
      : driver.keyValue(node, store).flatMap((one) => [...one.range()]);
  return entries.map((entry) => JSON.stringify(entry, sorted)).sort();
}

/** What was decoded may have its fields in another order than what was put. */
const sorted = (_name: string, value: unknown): unknown =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;

/** Everything that a restart, a cut or a slice may not change, as text: all but offsets. */
function linesOf(outcome: Outcome, plan: Plan): string[] {
  return [
    ...plan.topics.flatMap(({ name }) => outputsOf(outcome, name).map((output) => `${name}: ${JSON.stringify(output)}`)),
    ...Object.entries(outcome.stores).flatMap(([store, entries]) => entries.map((entry) => `${store}: ${entry}`)),
    ...Object.entries(outcome.counts).map(([node, counts]) => `${node}: ${JSON.stringify(counts)}`),
  ];
}

/** The same with only the order of each key's records. */
function linesByKey(outcome: Outcome, plan: Plan): string[] {
  const places = new Map<string, number>();
  const numbered = linesOf({ ...outcome, out: () => [], counts: {} }, plan);
  for (const { name } of plan.topics) {
    for (const output of outputsOf(outcome, name)) {
      const key = `${name} ${String(output.key)}`;
      const place = places.get(key) ?? 0;
      places.set(key, place + 1);
      numbered.push(`${key} ${place}: ${JSON.stringify(output)}`);
    }
  }
  return numbered.sort();
}

/** The position in a dead letter changes with gaps and partitions. */
const outputsOf = (outcome: Outcome, topic: string): TestOutput[] =>
  outcome.out(topic).map(({ headers: { "dlq.source": _source, ...headers }, ...output }) => ({ ...output, headers }));

function firstDifference(
  actual: readonly string[],
  expected: readonly string[],
): { readonly actual?: string | undefined; readonly expected?: string | undefined } | undefined {
  for (let i = 0; i < Math.max(actual.length, expected.length); i++)
    if (actual[i] !== expected[i]) return { actual: actual[i], expected: expected[i] };
  return undefined;
}
