import { describe, expect, test } from "vitest";
import { chainNode, type BoundProcessor } from "#operators/node.ts";
import type { NodeContext, Timer } from "#operators/context.ts";
import { step } from "#operators/step.ts";
import { everyWay, runSteps, type Outcome, type TestStep } from "#testing/every-way.ts";
import { nodePlan } from "#testing/test-plan.ts";

type Scheduling = Omit<Parameters<NodeContext["schedule"]>[0], "id">;

/** Ticks as scheduled from the start (unless `later`), and at the word of records: `schedule`, `cancel`. */
const ticking = (timer: Scheduling, { later = false } = {}): BoundProcessor =>
  chainNode("ticking", {}, () => [
    step<string, string>((out, context) => {
      const schedule = (): Timer =>
        context.schedule({ id: "tick", ...timer }, (time) => context.emit(out, context.id(), { key: "tick", timestamp: time }));
      let running = later ? undefined : schedule();
      return (word) => {
        if (word === "schedule") running = schedule();
        if (word === "cancel") running?.cancel();
        context.drop("heard");
      };
    }) as never,
  ]);
const at = (time: number, value = "go on"): TestStep => ({ to: "in", key: "k", value, at: time });
const ticks = ({ out }: Outcome): number[] => out("out").map((tick) => tick.at);

describe("[T6] stream-time timers", () => {
  const timer = { kind: "stream-time", intervalMs: 10 } as const;

  everyWay("fire with the first record, then behind each that reaches the next multiple, once for all that were missed", {
    plan: nodePlan(ticking(timer)),
    steps: [at(7), at(9), at(10), at(3), at(57), at(59), at(60)],
    beforehand: true,
    check: (outcome) => expect(ticks(outcome)).toEqual([7, 10, 57, 60]),
  });

  everyWay("that are cancelled stay so, over restarts too, until they are scheduled again", {
    plan: nodePlan(ticking(timer)),
    steps: [at(1), at(12), at(15, "cancel"), at(30), at(41, "schedule"), at(45), at(50)],
    check: (outcome) => expect(ticks(outcome)).toEqual([1, 12, 41, 50]),
  });

  everyWay("that are scheduled twice under one name are one", {
    plan: nodePlan(ticking(timer)),
    steps: [at(1), at(2, "schedule"), at(12), at(23)],
    check: (outcome) => expect(ticks(outcome)).toEqual([1, 12, 23]),
  });

  everyWay("[R1] give ids that are the same whenever they are given again", {
    plan: nodePlan(ticking(timer)),
    steps: [at(1), at(12), at(23)],
    check: ({ out }) => {
      const ids = out("out").map(({ value }) => value);
      expect(new Set(ids).size).toBe(3);
      expect(ids).toEqual(["node:0.t1:0", "node:0.t12:0", "node:0.t23:0"]);
    },
  });
});

describe("[T6] wall-clock timers", () => {
  const timer = { kind: "wall-clock", intervalMs: 10 } as const;

  everyWay("fire one interval after the task was first opened, then on their grid, once for all that were missed", {
    plan: nodePlan(ticking(timer)),
    steps: [{ advanceMs: 9 }, { advanceMs: 1 }, { advanceMs: 27 }, { advanceMs: 2 }, { advanceMs: 1 }],
    check: (outcome) => expect(ticks(outcome)).toEqual([10, 37, 40]),
  });

  // Whoever schedules by a record schedules again when it is built: what else would know of it behind a restart?
  test("that a record schedules fire one interval after it", () => {
    const steps = [{ advanceMs: 100 }, at(1, "schedule"), { advanceMs: 9 }, { advanceMs: 1 }];
    expect(ticks(runSteps(nodePlan(ticking(timer, { later: true })), steps))).toEqual([110]);
  });

  everyWay("that are cancelled stay so", {
    plan: nodePlan(ticking(timer)),
    steps: [{ advanceMs: 10 }, at(1, "cancel"), { advanceMs: 50 }],
    check: (outcome) => expect(ticks(outcome)).toEqual([10]),
  });
});
