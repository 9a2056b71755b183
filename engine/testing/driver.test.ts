import { describe, expect, test } from "vitest";
import { partitionOf } from "#broker/partitioner.ts";
import { aggregateByKey } from "#operators/aggregate.ts";
import { chainNode, type BoundProcessor } from "#operators/node.ts";
import { RecordError } from "#operators/record-error.ts";
import { mapValue } from "#operators/stateless.ts";
import { timestamped, type Timestamped } from "#operators/timestamped.ts";
import { keyValueStore, type KeyValueStore } from "#state/store.ts";
import { driverCommitSteps, TopologyDriver, type DriverInput } from "./driver.ts";
import { jsonCodec } from "./json-codec.ts";
import { nodePlan, twoTaskPlan } from "./test-plan.ts";

const pass: BoundProcessor = chainNode("pass", {}, () => [mapValue((value) => value) as never]);
const sums: BoundProcessor = chainNode("sums", { sums: keyValueStore(timestamped(jsonCodec)) }, (stores) => [
  aggregateByKey(stores["sums"] as KeyValueStore<Timestamped<number>>, { init: () => 0, add: (sum, n: number) => sum + n }) as never,
]);
const input = (value: unknown, { key = "k", timestamp = 0 } = {}): DriverInput => ({
  key,
  timestamp,
  value: Buffer.from(JSON.stringify(value)),
});
const valuesOf = (driver: TopologyDriver, topic: string): unknown[] =>
  driver.records(topic).map(({ value }) => (jsonCodec.decode(value!) as { value: unknown }).value);

describe("the test driver", () => {
  test("runs everything an input causes, through repartitions, before `pipe` returns; `append` runs nothing", () => {
    const driver = new TopologyDriver(twoTaskPlan(pass, sums, 3));
    driver.append("in", input(1));
    expect(valuesOf(driver, "out")).toEqual([]);
    driver.pipe("in", input(2), input(3));
    expect(valuesOf(driver, "out")).toEqual([1, 3, 6]);
  });

  test("puts records on the partition of their key, or on the one that is asked for", () => {
    const driver = new TopologyDriver(nodePlan(pass, 4));
    driver.pipe("in", input(1, { key: "a" }), { ...input(2, { key: "a" }), partition: 3 });
    expect(new Set(driver.records("in").map(({ partition }) => partition))).toEqual(new Set([partitionOf("a", 4), 3]));
  });

  test("`drain` gives each record once, `records` all", () => {
    const driver = new TopologyDriver(nodePlan(pass));
    driver.pipe("in", input(1));
    expect(driver.drain("out")).toHaveLength(1);
    driver.pipe("in", input(2), input(3));
    expect(driver.drain("out")).toHaveLength(2);
    expect(driver.drain("out")).toHaveLength(0);
    expect(driver.records("out")).toHaveLength(3);
  });

  test("[R7] [C1] the power may be cut behind any step of any commit: what is durable stays, the rest is done again", () => {
    for (const cut of driverCommitSteps) {
      for (let commit = 0; commit < 6; commit++) {
        const cuts: string[] = [];
        const driver = new TopologyDriver(twoTaskPlan(pass, sums), {
          crash: (number, step) => number === commit && step === cut && cuts.push(step) > 0,
        });
        driver.pipe("in", input(1), input(2));
        driver.pipe("in", input(3));
        expect(valuesOf(driver, "out")).toEqual([1, 3, 6]);
        expect(cuts).toEqual([cut]);
      }
    }
  });

  test("leaves offsets out where it is asked to, and nothing else changes", () => {
    const driver = new TopologyDriver(nodePlan(sums), { gaps: true });
    driver.pipe("in", input(1), input(2), input(3));
    const offsets = driver.records("in").map(({ offset }) => Number(offset));
    expect(offsets[2]! - offsets[0]!).toBeGreaterThan(2);
    expect(valuesOf(driver, "out")).toEqual([1, 3, 6]);
  });

  test("[R4] names the tasks that a bug has stopped; a restart tries again", () => {
    let broken = true;
    const fragile = chainNode("fragile", {}, () => [
      mapValue((value) => {
        if (broken) throw new TypeError("a bug");
        return value;
      }) as never,
    ]);
    const driver = new TopologyDriver(nodePlan(fragile));
    driver.pipe("in", input(1));
    expect([...driver.stopped.keys()]).toEqual(["one/0"]);
    broken = false;
    driver.restart();
    expect([...driver.stopped.keys()]).toEqual([]);
    expect(valuesOf(driver, "out")).toEqual([1]);
  });

  test("[R3] tries what may pass again at once, so often for each record", () => {
    const failures = new Map<number, number>();
    const busy = chainNode("busy", {}, () => [
      mapValue((value: number) => {
        if (value === 9) throw new RecordError("nine", "never");
        const before = failures.get(value) ?? 0;
        failures.set(value, before + 1);
        if (before < 3 && value % 2 === 0) throw Object.assign(new Error("busy"), { retryable: true });
        return value;
      }) as never,
    ]);
    const driver = new TopologyDriver(nodePlan(busy));
    driver.append("in", ...[1, 9, 9, 9, 9, 9, 9, 2, 4, 6].map((value) => input(value)));
    driver.advance(0);
    expect([...driver.stopped]).toEqual([]);
    expect(valuesOf(driver, "out")).toEqual([1, 2, 4, 6]);
  });

  test("names the topics and nodes there are when it is asked for another", () => {
    const driver = new TopologyDriver(nodePlan(pass));
    expect(() => driver.records("inn")).toThrow("no topic inn; there are");
    expect(() => driver.counts("nod")).toThrow("no node nod");
  });
});
