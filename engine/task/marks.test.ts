import { describe, expect, test } from "vitest";
import { aggregateByWindow } from "#operators/window-aggregate.ts";
import { chainNode, type BoundProcessor } from "#operators/node.ts";
import { mapRecord, mapValue } from "#operators/stateless.ts";
import { timestamped, type Timestamped } from "#operators/timestamped.ts";
import { windowStore, type WindowStore } from "#state/store.ts";
import { TopologyDriver } from "#testing/driver.ts";
import { jsonCodec } from "#testing/json-codec.ts";
import { pickFrom } from "#testing/random-plan.ts";
import { testPlan, twoTaskPlan } from "#testing/test-plan.ts";
import { repartitionTopicOf, type Plan } from "./plan.ts";

const seed = Number(process.env["SEED"] ?? 20_261_121);
const chain = (...steps: readonly unknown[]): BoundProcessor => chainNode("chain", {}, () => steps as never);
const counts = (emit: "update" | "final", sizeMs = 10, graceMs = 0): BoundProcessor =>
  chainNode("counts", { windows: windowStore(timestamped(jsonCodec)) }, ({ windows }) => [
    aggregateByWindow(
      windows as WindowStore<Timestamped<number>>,
      { sizeMs, graceMs, emit },
      { init: () => 0, add: (n) => n + 1 },
    ) as never,
  ]);
// Keys f and a lie on partitions 1 and 0 of two.
const input = (key: string, timestamp: number): { key: string; timestamp: number; value: Buffer } => ({
  key,
  timestamp,
  value: Buffer.from("1"),
});

/** Node `a` → repartition by `key` → `b` → repartition → `c`. */
function threeTasks(processors: { a: BoundProcessor; b: BoundProcessor; c: BoundProcessor }, partitions: number): Plan {
  const [ab, bc] = [repartitionTopicOf("test", "a"), repartitionTopicOf("test", "b")];
  return testPlan(
    {
      one: { nodes: { a: { processor: processors.a, from: { in: ["in"] } } }, to: { [ab]: { from: "a.out", kind: "repartition" } } },
      two: { nodes: { b: { processor: processors.b, from: { in: [ab] } } }, to: { [bc]: { from: "b.out", kind: "repartition" } } },
      three: { nodes: { c: { processor: processors.c, from: { in: [bc] } } }, to: { out: { from: "c.out", kind: "topic" } } },
    },
    partitions,
  );
}

describe("[M4] [M5] who is idle holds nobody up, and lets nobody pass those behind whom it waits", () => {
  test("an idle task tells how far those have come who may yet give it something", () => {
    let broken = true;
    const guard = chain(
      mapValue((value) => {
        if (broken) throw new TypeError("a bug");
        return value;
      }),
    );
    const rekey = chain(mapRecord((value) => ({ key: "one", value })));
    const plan = threeTasks({ a: chain(mapValue((value) => value)), b: rekey, c: counts("update") }, 2);
    const [first, ...others] = plan.subTopologies;
    const guarded: Plan = {
      ...plan,
      subTopologies: [
        {
          ...first!,
          sources: [{ ...first!.sources[0]!, to: [{ node: "guard", port: "in" }] }],
          nodes: [{ id: "guard", processor: guard, outputs: { out: { to: [{ node: "a", port: "in" }], sinks: [] } } }, ...first!.nodes],
        },
        ...others,
      ],
    };
    broken = false;
    const driver = new TopologyDriver(guarded);
    driver.pipe("in", input("f", 1));
    broken = true;
    driver.pipe("in", input("f", 5));
    expect([...driver.stopped.keys()]).toEqual(["one/1"]);
    broken = false;
    // The other task of `one` goes far ahead; those of `two` have nothing to read.
    driver.pipe("in", input("a", 1000), input("a", 2000));
    driver.restart();
    expect(driver.counts("c")).toMatchObject({ in: 4, emitted: 4, missed: {}, dropped: {} });
  });

  test("a task that was idle before a restart is not idle behind it while it has something unread", () => {
    const plan = twoTaskPlan(chain(mapRecord((value) => ({ key: "one", value }))), counts("update"), 2);
    const driver = new TopologyDriver(plan);
    driver.pipe("in", input("a", 1));
    driver.append(
      "in",
      ...Array.from({ length: 30 }, (_, i) => input("f", 2 + i)),
      ...Array.from({ length: 30 }, (_, i) => input("a", 2 + i * 100)),
    );
    driver.restart();
    expect(driver.counts("second")).toMatchObject({ in: 61, missed: {}, dropped: {} });
  });
});

describe("[M1] [M2] a mark is told again behind new records", () => {
  test("so a window closes by a record out of order that another partition gets", () => {
    const plan = twoTaskPlan(chain(mapRecord((key) => ({ key: String(key), value: 1 }))), counts("final"), 2);
    const driver = new TopologyDriver(plan, { idleMs: 1000 });
    const pipe = (key: string, timestamp: number): void =>
      driver.pipe("in", { key: "a", timestamp, partition: 0, value: Buffer.from(JSON.stringify(key)) });
    driver.advance(2000);
    pipe("a", 100);
    pipe("f", 3);
    // Upstream has told 100 before; now the partition of f has heard of 50, and its window of 3 is closed.
    pipe("f", 50);
    expect(driver.records("out").map(({ key, timestamp }) => [key, timestamp])).toEqual([["f", 3]]);
  });
});

describe("[M5] what a window will still emit", () => {
  test(`is not late behind the next repartition (seed ${seed})`, () => {
    const pick = pickFrom(seed);
    let late = 0;
    for (let round = 0; round < 40; round++) {
      const rekey = chain(mapRecord((value) => ({ key: "one", value })));
      const plan = testPlan(
        {
          one: {
            nodes: {
              first: { processor: counts("final", 20, 30), from: { in: ["in"] } },
              rekey: { processor: rekey, from: { in: ["first"] } },
            },
            to: { between: { from: "rekey.out", kind: "repartition" } },
          },
          two: {
            nodes: { second: { processor: counts("update"), from: { in: ["between"] } } },
            to: { out: { from: "second.out", kind: "topic" } },
          },
        },
        3,
      );
      const driver = new TopologyDriver(plan, { slice: 1 + pick(5) });
      const paces = ["a", "b", "f"].map((key) => ({ key, paceMs: 1 + pick(40) }));
      const inputs = paces.flatMap(({ key, paceMs }) => Array.from({ length: 30 }, (_, i) => input(key, i * paceMs)));
      driver.append("in", ...inputs.sort((a, b) => a.timestamp - b.timestamp));
      driver.advance(1);
      late += driver.counts("second").missed["late"] ?? 0;
    }
    expect(late).toBe(0);
  });
});
