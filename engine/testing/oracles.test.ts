import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { InputQueue } from "#task/input-queue.ts";
import { InputReadiness, nextInput } from "#task/input-choice.ts";
import { RecordBatchBuilder, indexBatch, noHeaders } from "#broker/record-batch.ts";
import { step } from "#operators/step.ts";
import { chainNode } from "#operators/node.ts";
import { deadLetterTopicOf, type Plan } from "#task/plan.ts";
import { TopologyDriver, driverCommitSteps } from "./driver.ts";
import { oraclePlan, type OracleParams } from "./oracle-plan.ts";

type Input = { readonly stream: string; readonly key: unknown; readonly value: unknown; readonly timestamp: number };
type Expected = {
  readonly key?: unknown;
  readonly value?: unknown;
  readonly timestamp?: number;
  readonly window?: { readonly start: number; readonly end: number };
  readonly punctuate?: number;
};
type Outputs = readonly Expected[] | Readonly<Record<string, readonly Expected[]>>;
type OracleStep = { readonly in?: Input; readonly advanceWallClockMs?: number; readonly cancelAfter?: Input; readonly out?: Outputs };
type Case = {
  readonly id: string;
  readonly about: string;
  readonly operator: string;
  readonly params: OracleParams & { readonly type?: "stream-time" | "wall-clock"; readonly intervalMs?: number };
  readonly steps: readonly OracleStep[];
  readonly outAtEnd?: Outputs;
  readonly outAtEndKept?: Outputs;
  readonly finalState?: readonly Expected[];
  readonly dropped?: { readonly count: number };
  readonly finalEmits?: number;
  readonly expectError?: { readonly reason: string };
};

const load = (name: string): Case[] => JSON.parse(readFileSync(new URL(`./oracles/${name}.json`, import.meta.url), "utf8")) as Case[];
const textOf = (key: unknown): string | null => (typeof key === "string" || typeof key === "number" ? String(key) : null);
const bytesOf = (value: unknown): Uint8Array | null => (value === null ? null : Buffer.from(JSON.stringify(value)));

/** How a case is disturbed: the answers must be the same. */
const disturbances = {
  "as it is": {},
  "with a restart after each step": { restart: true },
  ...Object.fromEntries(driverCommitSteps.map((name) => [`with the power cut at "${name}" of every other commit`, { cut: name }])),
} as const;

for (const family of ["stateless", "aggregate", "window-aggregate"]) {
  describe(`[W0] oracles: ${family}`, () => {
    for (const oracle of load(family)) {
      if (oracle.expectError !== undefined) {
        test(`${oracle.id}: ${oracle.about}`, () => {
          expect(() => new TopologyDriver(oraclePlan(oracle.operator, oracle.params).plan)).toThrow(/final/);
        });
        continue;
      }
      for (const [how, disturbance] of Object.entries(disturbances)) {
        test(`${oracle.id}, ${how}: ${oracle.about}`, () => runCase(oracle, disturbance));
      }
    }
  });
}

function runCase(oracle: Case, { restart = false, cut }: { readonly restart?: boolean; readonly cut?: string }): void {
  const { plan, nodes, outputs } = oraclePlan(oracle.operator, oracle.params);
  const driver = new TopologyDriver(plan, { crash: (commit, name) => commit % 2 === 0 && name === cut });
  const drain = (): Outputs => {
    const read = (topic: string): Expected[] =>
      driver
        .drain(topic)
        .map(({ key, value, timestamp }) => ({ key, timestamp, ...(JSON.parse(Buffer.from(value!).toString()) as object) }));
    return outputs.length === 1 ? read(outputs[0]!) : Object.fromEntries(outputs.map((topic) => [topic, read(topic)]));
  };
  for (const { in: input, advanceWallClockMs, out } of oracle.steps) {
    if (input !== undefined) driver.pipe(input.stream, { key: textOf(input.key), value: bytesOf(input.value), timestamp: input.timestamp });
    if (advanceWallClockMs !== undefined) driver.advance(advanceWallClockMs);
    if (restart) driver.restart();
    if (out !== undefined) compare(drain(), out);
  }
  const expected = oracle.outAtEndKept ?? oracle.outAtEnd;
  const rest = drain();
  if (expected !== undefined) compare(rest, expected);
  if (oracle.finalState !== undefined) compare(lastPerKey(rest as readonly Expected[]), oracle.finalState);
  const counts = nodes.map((node) => driver.counts(node));
  const sum = (reasons: Readonly<Record<string, number>>): number => Object.values(reasons).reduce((a, b) => a + b, 0);
  if (oracle.dropped !== undefined) {
    const [{ dropped, missed }] = counts as [(typeof counts)[number]];
    // A record counts once per closed window it misses, and a miss of its only window also ends it.
    expect(sum(missed) + sum(dropped) - (dropped["late"] ?? 0)).toBe(oracle.dropped.count);
  }
  for (const { in: entered, emitted, folded, deadLettered, dropped } of counts)
    expect(entered).toBe(emitted + folded + deadLettered + sum(dropped));
}

function compare(actual: Outputs, expected: Outputs): void {
  if (Array.isArray(expected)) {
    expect(actual).toHaveLength(expected.length);
    expected.forEach((record: Expected, i) => expect((actual as readonly Expected[])[i]).toMatchObject(comparable(record)));
    return;
  }
  for (const [name, list] of Object.entries(expected))
    compare((actual as Readonly<Record<string, readonly Expected[]>>)[name]!, list as readonly Expected[]);
}

const comparable = (record: Expected): Expected => ("key" in record ? { ...record, key: textOf(record.key) } : record);

function lastPerKey(records: readonly Expected[]): Expected[] {
  const last = new Map<string, Expected>();
  for (const record of records) {
    const id = JSON.stringify([record.key, record.window]);
    last.delete(id);
    if (record.value !== null) last.set(id, record);
  }
  return [...last.values()].sort((a, b) => String(a.key).localeCompare(String(b.key)));
}

describe("[T6] oracles: punctuate", () => {
  for (const oracle of load("punctuate")) {
    for (const restart of [false, true]) {
      test(`${oracle.id}${restart ? ", with a restart after each step" : ""}: ${oracle.about}`, () => {
        const { type: kind, intervalMs } = oracle.params;
        const driver = new TopologyDriver(timerPlan(kind!, intervalMs!));
        const drain = (): number[] => driver.drain("out").map(({ timestamp }) => timestamp);
        for (const { in: input, advanceWallClockMs, cancelAfter, out } of oracle.steps) {
          const record = cancelAfter ?? input;
          const key = cancelAfter === undefined ? "k" : "cancel";
          if (record !== undefined) driver.pipe("in", { key, value: bytesOf(record.value), timestamp: record.timestamp });
          if (advanceWallClockMs !== undefined) driver.advance(advanceWallClockMs);
          if (restart) driver.restart();
          if (out !== undefined) expect(drain()).toEqual((out as readonly Expected[]).map(({ punctuate }) => punctuate));
        }
      });
    }
  }
});

function timerPlan(kind: "stream-time" | "wall-clock", intervalMs: number): Plan {
  const processor = chainNode("timer", {}, () => [
    step<unknown, string>((out, context) => {
      const timer = context.schedule({ id: "tick", kind, intervalMs }, (time) =>
        context.emit(out, "tick", { key: "tick", timestamp: time }),
      );
      return () => {
        if (context.record.key === "cancel") timer.cancel();
        context.drop("consumed");
      };
    }) as never,
  ]);
  return {
    name: "timers",
    topics: ["in", deadLetterTopicOf("in"), "out"].map((name) => ({ name, partitions: 1, retention: { kind: "forever" } })),
    subTopologies: [
      {
        id: "timers",
        partitions: 1,
        sources: [{ topic: "in", decode: (bytes) => bytes, to: [{ node: "timer", port: "in" }], upstream: [] }],
        nodes: [{ id: "timer", processor, outputs: { out: { to: [], sinks: ["out"] } } }],
        sinks: [
          {
            id: "out",
            topic: "out",
            partitions: 1,
            kind: "topic",
            key: (_value, { key }) => key,
            encode: (value) => Buffer.from(value as string),
          },
        ],
      },
    ],
  };
}

type ChoiceStep = {
  readonly enqueue?: { readonly partition: string; readonly timestamps: readonly number[] };
  readonly take?: { readonly partition: string; readonly timestamp: number };
  readonly lag?: { readonly partition: string; readonly records: number };
  readonly ready?: { readonly wallClockMs: number; readonly expected: boolean };
};

describe("[T4] oracles: input choice", () => {
  for (const oracle of load("input-choice") as unknown as {
    id: string;
    about: string;
    params: { partitions: string[]; maxTaskIdleMs?: number };
    steps: ChoiceStep[];
  }[]) {
    test(`${oracle.id}: ${oracle.about}`, () => {
      const { partitions, maxTaskIdleMs = 0 } = oracle.params;
      const queues = partitions.map((topic) => new InputQueue(topic, 0, 0n));
      const readiness = new InputReadiness(maxTaskIdleMs);
      const queueOf = (name: string): InputQueue => queues[partitions.indexOf(name)]!;
      for (const { enqueue, take, lag, ready } of oracle.steps) {
        if (enqueue !== undefined) fetched(queueOf(enqueue.partition), enqueue.timestamps, 0);
        if (lag !== undefined && queueOf(lag.partition).buffered === 0) fetched(queueOf(lag.partition), [], lag.records);
        if (take !== undefined) {
          const chosen = nextInput(queues);
          const queue = queues[chosen]!;
          expect({ partition: partitions[chosen], timestamp: queue.head!.index.timestamps[queue.headRecord] }).toMatchObject({
            partition: take.partition,
            timestamp: take.timestamp,
          });
          queue.advance();
        }
        if (ready !== undefined) expect(readiness.ready(queues, ready.wallClockMs)).toBe(ready.expected);
      }
    });
  }
});

/** What the log answers: these records, and so many more behind them. */
function fetched(queue: InputQueue, timestamps: readonly number[], more: number): void {
  const builder = new RecordBatchBuilder();
  for (const timestamp of timestamps) builder.append({ timestamp, sequence: 0, key: "k", value: null, headers: noHeaders });
  const base = queue.fetchPosition;
  const next = base + BigInt(timestamps.length);
  const { count, bytes } = builder.take() ?? { count: 0, bytes: new Uint8Array(0) };
  queue.enqueue({
    topic: queue.topic,
    partition: 0,
    kind: "records",
    count,
    index: indexBatch(bytes, count),
    baseOffset: base,
    appendedAtMs: 0,
    next,
    end: next + BigInt(more),
    logStart: 0n,
  });
}
