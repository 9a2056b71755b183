import { describe, expect, test } from "vitest";
import { windowStore, type WindowStore } from "#state/store.ts";
import { everyWay, type Outcome, type TestStep } from "#testing/every-way.ts";
import { jsonCodec } from "#testing/json-codec.ts";
import { TopologyDriver } from "#testing/driver.ts";
import { nodePlan, twoTaskPlan } from "#testing/test-plan.ts";
import { chainNode, type BoundProcessor } from "./node.ts";
import { mapRecord } from "./stateless.ts";
import { timestamped, type Timestamped } from "./timestamped.ts";
import { aggregateByWindow, type WindowSpec } from "./window-aggregate.ts";

/** What came, in order of arrival: `null` for a null value. */
const texts = (spec: Partial<WindowSpec> = {}): BoundProcessor =>
  chainNode("texts", { windows: windowStore(timestamped(jsonCodec)) }, ({ windows }) => [
    aggregateByWindow<string, string>(
      windows as WindowStore<Timestamped<string>>,
      { sizeMs: 10, graceMs: 0, emit: "update", ...spec },
      { init: () => "", add: (text, value) => text + String(value) },
    ) as never,
  ]);
const at = (time: number, value: string | null, key: string | null = "k"): TestStep => ({ to: "in", key, value, at: time });
const written = ({ out }: Outcome): string[] =>
  out("out").map(({ key, value, at: time, window }) => `${String(key)}[${window!.start},${window!.end})=${String(value)}@${time}`);
const windowsOf = ({ stores }: Outcome): number[] =>
  stores["node.windows"]!.map((entry) => (JSON.parse(entry) as [number])[0]).sort((a, b) => a - b);

describe("windows", () => {
  everyWay("[W1] [W5] tumbling: a record belongs to one window, every change is sent with the greatest timestamp in it", {
    plan: nodePlan(texts({ graceMs: 10 })),
    steps: [at(0, "a"), at(9, "b"), at(10, "c"), at(3, "d")],
    beforehand: true,
    check: (outcome) => expect(written(outcome)).toEqual(["k[0,10)=a@0", "k[0,10)=ab@9", "k[10,20)=c@10", "k[0,10)=abd@9"]),
  });

  everyWay("[W1] hopping: to all that contain it, in order of start, none of which begins below 0", {
    plan: nodePlan(texts({ advanceMs: 4, graceMs: 10 })),
    steps: [at(5, "a"), at(12, "b")],
    check: (outcome) => expect(written(outcome)).toEqual(["k[0,10)=a@5", "k[4,14)=a@5", "k[4,14)=ab@12", "k[8,18)=b@12", "k[12,22)=b@12"]),
  });

  everyWay("[W3] [W4] a record updates a window until its end is reached by closing time − grace, and is late from then on", {
    plan: nodePlan(texts({ graceMs: 5 })),
    steps: [at(1, "a"), at(14, "b"), at(2, "c"), at(15, "d"), at(3, "e")],
    beforehand: true,
    check: (outcome) => {
      expect(written(outcome)).toEqual(["k[0,10)=a@1", "k[10,20)=b@14", "k[0,10)=ac@2", "k[10,20)=bd@15"]);
      expect(outcome.counts["node"]).toMatchObject({ in: 5, emitted: 4, dropped: { late: 1 }, missed: { late: 1 } });
    },
  });

  everyWay("[W4] a record that misses some of its windows is no less in the others", {
    plan: nodePlan(texts({ advanceMs: 5 })),
    steps: [at(15, "a"), at(8, "b")],
    beforehand: true,
    check: (outcome) => {
      expect(written(outcome)).toEqual(["k[10,20)=a@15", "k[15,25)=a@15"]);
      expect(outcome.counts["node"]).toMatchObject({ in: 2, emitted: 1, dropped: { late: 1 }, missed: { late: 2 } });
    },
  });

  everyWay("[W4] [R2] what is late leaves by the dead letters where that was chosen", {
    plan: nodePlan(texts({ late: "dead-letter" })),
    steps: [at(15, "a"), at(8, "b")],
    beforehand: true,
    check: ({ out, counts }) => {
      expect(out("in.dlq")).toMatchObject([{ at: 8, value: "b", headers: { "dlq.reason": "late", "dlq.node": "node" } }]);
      expect(counts["node"]).toMatchObject({ in: 2, emitted: 1, deadLettered: 1, dropped: {} });
    },
  });

  everyWay("[W8] a record without key is dropped, and moves no time; a null value is handed on", {
    plan: nodePlan(texts()),
    steps: [at(1, "a"), at(100, "b", null), at(2, null)],
    beforehand: true,
    check: (outcome) => {
      expect(written(outcome)).toEqual(["k[0,10)=a@1", "k[0,10)=anull@2"]);
      expect(outcome.counts["node"]!.dropped).toEqual({ "null-key": 1 });
    },
  });

  everyWay("[W6] final results leave once, in order of start, then key; a restart repeats none", {
    plan: nodePlan(texts({ emit: "final", graceMs: 2 })),
    steps: [at(3, "b", "b"), at(1, "a", "a"), at(11, "c", "a"), at(12, "d"), at(14, "e", "c"), at(30, "f", "c"), at(40, "g", "b")],
    beforehand: true,
    check: (outcome) => expect(written(outcome)).toEqual(["a[0,10)=a@1", "b[0,10)=b@3", "a[10,20)=c@11", "c[10,20)=e@14", "k[10,20)=d@12"]),
  });

  everyWay("[W7] an open window is never forgotten, however far time jumps", {
    plan: nodePlan(texts({ emit: "final" })),
    steps: [at(1, "a"), at(12, "b"), at(1_000_000, "c"), at(2_000_000, "d")],
    check: (outcome) => expect(written(outcome)).toEqual(["k[0,10)=a@1", "k[10,20)=b@12", "k[1000000,1000010)=c@1000000"]),
  });

  everyWay("[W7] closed windows stay for `retainMs` to be asked for, and go some time behind", {
    plan: nodePlan(texts({ retainMs: 40 })),
    steps: Array.from({ length: 40 }, (_, i) => at(i * 5, "x")),
    check: (outcome) => {
      const kept = windowsOf(outcome);
      // Closing time is 195: whatever ended at 155 or later must be there, what ended before 135 need not.
      expect(kept).toEqual(expect.arrayContaining([150, 160, 170, 180, 190]));
      expect(Math.min(...kept)).toBeGreaterThanOrEqual(120);
    },
  });

  everyWay("[W6] an attempt to emit is made at most once an interval of the wall clock, restarts or not", {
    plan: nodePlan(texts({ emit: "final", emitIntervalMs: 100 })),
    steps: [at(1, "a"), at(11, "b"), { advanceMs: 99 }, at(21, "c"), { advanceMs: 1 }, at(22, "d"), at(31, "e")],
    check: (outcome) => expect(written(outcome)).toEqual(["k[0,10)=a@1", "k[10,20)=b@11"]),
  });

  test("[W6] final results of windows that never close are refused", () => {
    expect(() => new TopologyDriver(nodePlan(texts({ emit: "final", sizeMs: Infinity })))).toThrow(RangeError);
  });
});

describe("[W2] [M2] behind a repartition", () => {
  const rekey = chainNode("rekey", {}, () => [mapRecord((value: string) => ({ key: "one", value })) as never]);
  // Each key on a partition of its own where there are three; the first is far ahead of the others in event time when all is read as it comes.
  const steps = ["a", "d", "f"]
    .flatMap((key, n) =>
      Array.from({ length: 24 / (n + 1) }, (_, i): { to: string; key: string; value: string; at: number } => ({
        to: "in",
        key,
        value: key,
        at: i * 5 * (n + 1),
      })),
    )
    .sort((a, b) => a.at - b.at);

  everyWay("[M5] nothing is late by another partition's time, and final results leave once", {
    plan: (partitions) => twoTaskPlan(rekey, texts({ emit: "update", retainMs: 1e6 }), partitions),
    steps,
    beforehand: false,
    check: ({ counts }) => expect(counts["second"]).toMatchObject({ in: 44, emitted: 44, missed: {} }),
  });

  test("[M5] also when all is on the log beforehand, in any slices", () => {
    for (const slice of [1, 2, 3, 7, 100]) {
      const driver = new TopologyDriver(twoTaskPlan(rekey, texts(), 3), { slice });
      for (const { to, key, value, at: timestamp } of steps)
        driver.append(to, { key, timestamp, value: Buffer.from(JSON.stringify(value)) });
      driver.advance(0);
      expect(driver.counts("second")).toMatchObject({ in: 44, emitted: 44, missed: {} });
    }
  });
});
