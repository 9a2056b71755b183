import { describe, expect, test } from "vitest";
import { aggregateByWindow } from "#operators/window-aggregate.ts";
import { branchNode } from "#operators/branch.ts";
import { chainNode, type BoundProcessor } from "#operators/node.ts";
import { RecordError } from "#operators/record-error.ts";
import { flatMapRecord, flatMapValue, mapValue, requireValue } from "#operators/stateless.ts";
import { step } from "#operators/step.ts";
import { timestamped, type Timestamped } from "#operators/timestamped.ts";
import { windowStore, type WindowStore } from "#state/store.ts";
import { everyWay, runSteps, unbalanced, type TestInput } from "#testing/every-way.ts";
import { jsonCodec } from "#testing/json-codec.ts";
import { nodePlan, testPlan, twoTaskPlan } from "#testing/test-plan.ts";

const at = (time: number, value: unknown, key: string | null = "k"): TestInput => ({ to: "in", key, value, at: time });
const chain = (...steps: readonly unknown[]): BoundProcessor => chainNode("chain", {}, () => steps as never);
const pass = chain(mapValue((value) => value));

/** Final counts of windows of 10 ms. */
const finalCounts = (): BoundProcessor =>
  chainNode("counts", { windows: windowStore(timestamped(jsonCodec)) }, ({ windows }) => [
    aggregateByWindow(
      windows as WindowStore<Timestamped<number>>,
      { sizeMs: 10, graceMs: 0, emit: "final" },
      { init: () => 0, add: (n) => n + 1 },
    ) as never,
  ]);

describe("what becomes of a record [T8]", () => {
  everyWay("[A6] a repartition counts a lost output beside the others, and as the fate of a record that has no other", {
    plan: twoTaskPlan(chain(flatMapRecord((keys: (string | null)[]) => keys.map((key) => ({ key, value: 1 })))), pass),
    steps: [at(1, ["a", null, "b"]), at(2, [null]), at(3, [null, null]), at(4, [])],
    check: ({ counts }) => {
      expect(counts["first"]).toEqual({
        in: 4,
        emitted: 1,
        folded: 0,
        deadLettered: 0,
        out: 2,
        dropped: { "null-key": 2, empty: 1 },
        missed: { "null-key": 2 },
      });
      expect(counts["second"]).toMatchObject({ in: 2, emitted: 2 });
    },
  });

  everyWay("[A5] a branch that nobody reads has still taken its record", {
    plan: nodePlan(branchNode("sizes", [{ name: "small", when: (value) => (value as number) < 10 }])),
    steps: [at(1, 1), at(2, 11)],
    check: ({ counts }) => expect(counts["node"]).toMatchObject({ in: 2, emitted: 1, dropped: { "no-branch": 1 } }),
  });

  everyWay("a record that is refused as several values leaves once, and each value has its fate", {
    plan: testPlan({
      one: {
        nodes: {
          items: { processor: chain(flatMapValue((items: number[]) => items)), from: { in: ["in"] } },
          wanted: { processor: chain(requireValue((item: number) => item > 0, "not-positive")), from: { in: ["items"] } },
        },
        to: { out: { from: "wanted.out", kind: "topic" } },
      },
    }),
    steps: [at(1, [1, -1, 2, -2])],
    check: ({ out, counts }) => {
      expect(out("out").map(({ value }) => value)).toEqual([1, 2]);
      expect(out("in.dlq")).toMatchObject([{ value: [1, -1, 2, -2], headers: { "dlq.node": "wanted", "dlq.reason": "not-positive" } }]);
      expect(counts["wanted"]).toMatchObject({ in: 4, emitted: 2, deadLettered: 2 });
    },
  });

  everyWay("what a timer drops, or emits where it is not taken, is no record's fate", {
    plan: twoTaskPlan(
      chain(
        step<unknown, unknown>((out, context) => {
          context.schedule({ id: "tick", kind: "stream-time", intervalMs: 10 }, (time) => {
            context.drop("nothing-to-do");
            context.deadLetter("nobody");
            context.emit(out, "tick", { key: null, timestamp: time });
          });
          return (value) => out.next(value);
        }),
      ),
      pass,
    ),
    steps: [at(1, 1), at(12, 2)],
    check: ({ counts, out }) => {
      expect(counts["first"]).toMatchObject({ in: 2, emitted: 2, out: 2, dropped: {} });
      expect(counts["first"]!.missed).toEqual({ "nothing-to-do": 2, nobody: 2, "null-key": 2 });
      expect(out("in.dlq")).toEqual([]);
    },
  });
});

describe("behind the final results of windows", () => {
  const behind = (second: BoundProcessor): ReturnType<typeof testPlan> =>
    testPlan({
      one: {
        nodes: { counts: { processor: finalCounts(), from: { in: ["in"] } }, second: { processor: second, from: { in: ["counts"] } } },
        to: { out: { from: "second.out", kind: "topic" } },
      },
    });

  everyWay("a result that is refused is dropped, and not the record that closed its window", {
    plan: behind(chain(requireValue((count: number) => count > 1, "too-few"))),
    steps: [at(1, "a"), at(11, "b"), at(12, "c"), at(21, "d")],
    check: ({ out, counts }) => {
      expect(out("out")).toMatchObject([{ value: 2, window: { start: 10, end: 20 } }]);
      expect(out("in.dlq")).toEqual([]);
      expect(counts["counts"]).toMatchObject({ in: 4, deadLettered: 0 });
      expect(counts["second"]).toMatchObject({ in: 2, emitted: 1, dropped: { "too-few": 1 } });
    },
  });

  test("[R2] [R4] a result that throws stops the task and eats no record", () => {
    const plan = behind(
      chain(
        mapValue(() => {
          throw new RecordError("bad-result", "never");
        }),
      ),
    );
    const { driver, out, counts } = runSteps(plan, [at(1, "a"), at(11, "b"), at(12, "c")], {});
    expect([...driver.stopped.keys()]).toEqual(["one/0"]);
    expect(out("in.dlq")).toEqual([]);
    expect(counts["counts"]).toMatchObject({ in: 1 });
    expect(unbalanced(counts)).toEqual([]);
  });

  everyWay("[T3] a result has neither headers nor sequence of the record that closed its window", {
    plan: nodePlan(finalCounts()),
    steps: [at(1, "a"), at(11, "b")],
    check: ({ driver }) => expect(driver.records("out")).toMatchObject([{ timestamp: 1, sequence: 0, headers: [] }]),
  });

  everyWay("[W6] [M2] they leave behind a repartition as well, each once", {
    plan: (partitions) => twoTaskPlan(pass, finalCounts(), partitions),
    steps: [at(1, "a"), at(5, "b"), at(12, "c"), at(25, "d")],
    notCompared: ["second.windows"],
    check: ({ out }) =>
      expect(out("out")).toMatchObject([
        { value: 2, at: 5, window: { start: 0, end: 10 } },
        { value: 1, at: 12, window: { start: 10, end: 20 } },
      ]),
  });
});

describe("what leaves by the dead letters moves no time", () => {
  const ticks = step<{ bad?: string }, unknown>((out, context) => {
    context.schedule({ id: "tick", kind: "stream-time", intervalMs: 10 }, (time) =>
      context.emit(out, "tick", { key: "tick", timestamp: time }),
    );
    return ({ bad }) => {
      if (bad === "throws") throw new RecordError("bad", "it says so");
      if (bad === "refused") context.deadLetter("bad");
      else context.drop("seen");
    };
  });
  for (const bad of ["throws", "refused"]) {
    everyWay(`[R2] [T2] a record that is ${bad}`, {
      plan: nodePlan(chain(ticks)),
      steps: [at(5, {}), at(5000, { bad }), at(12, {})],
      beforehand: true,
      check: ({ out }) => {
        expect(out("out").map(({ at: time }) => time)).toEqual([5, 12]);
        expect(out("in.dlq")).toMatchObject([{ at: 5000, headers: { "dlq.reason": "bad", "dlq.node": "node" } }]);
      },
    });
  }

  for (const time of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    everyWay(`[R5] a record of the time ${time}`, {
      plan: nodePlan(chain(ticks)),
      steps: [at(5, {}), at(time, {}), at(12, {})],
      beforehand: false,
      check: ({ out }) => {
        expect(out("out").map(({ at: tick }) => tick)).toEqual([5, 12]);
        expect(out("in.dlq")).toMatchObject([{ headers: { "dlq.reason": "invalid-timestamp", "dlq.node": "source/in" } }]);
      },
    });
  }
});
