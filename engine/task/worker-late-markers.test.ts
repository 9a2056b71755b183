import { describe, expect, onTestFinished, test } from "vitest";
import { embeddedStateStorage } from "#state/embedded/embedded-state-storage.ts";
import type { TestInput } from "#testing/every-way.ts";
import { LateMarkersLog } from "#testing/late-markers.ts";
import { pickFrom } from "#testing/random-plan.ts";
import { testPlan } from "#testing/test-plan.ts";
import { rekeyNumbers, windowCounts } from "#testing/window-nodes.ts";
import { openTestBroker, post } from "#testing/worker-bench.ts";
import { countsOf } from "./node-counts.ts";
import type { Plan } from "./plan.ts";
import { Worker } from "./worker.ts";
import { noWorkerEvents } from "./worker-events.ts";
import type { WorkerOptions } from "./worker-options.ts";

const seed = Number(process.env["SEED"] ?? 20_261_121);

/** Windows behind two changes of key. */
const plan = (partitions: number): Plan =>
  testPlan(
    {
      one: { nodes: { a: { processor: rekeyNumbers(7), from: { in: ["in"] } } }, to: { ab: { from: "a.out", kind: "repartition" } } },
      two: { nodes: { b: { processor: rekeyNumbers(3), from: { in: ["ab"] } } }, to: { bc: { from: "b.out", kind: "repartition" } } },
      three: { nodes: { far: { processor: windowCounts(), from: { in: ["bc"] } } }, to: {} },
    },
    partitions,
  );

async function start(options: Pick<WorkerOptions, "plan" | "broker" | "storage"> & Partial<WorkerOptions>): Promise<Worker> {
  const worker = new Worker({ clock: Date.now, events: noWorkerEvents, member: "worker", ...options });
  onTestFinished(() => worker.stop().catch(() => undefined));
  await worker.start();
  return worker;
}

describe("[M5] nothing is late where each partition shows a commit at a moment of its own", () => {
  for (const partitions of [2, 4]) {
    for (const pipeline of [false, true]) {
      test(`${partitions} partitions, ${pipeline ? "going on while a commit is under way" : "commit by commit"} (seed ${seed})`, async () => {
        const pick = pickFrom(seed + partitions * 31 + (pipeline ? 1 : 0));
        const topology = plan(partitions);
        const log = await openTestBroker(topology);
        const broker = new LateMarkersLog().seenBy(log, { delayMs: () => pick(8), knowsOwn: true });
        const worker = await start({
          plan: topology,
          broker,
          storage: embeddedStateStorage(log.database),
          pipeline,
          idleMs: 3,
          markMs: 5,
          commitMs: pick(6),
        });
        let time = 0;
        let posted = 0;
        const done = (node: string): ReturnType<typeof countsOf> =>
          countsOf(
            [...worker.ownedTasks.values()].map(({ meta }) => meta),
            node,
          );
        for (let lot = 0; lot < 60; lot++) {
          const inputs = Array.from({ length: 1 + pick(12) }, (): TestInput => {
            time += pick(30) === 0 ? 500 : pick(6);
            return { to: "in", key: `in-${pick(9)}`, value: posted++, at: time };
          });
          await post(log, topology, inputs);
          // All go idle before the next lot comes.
          await expect.poll(() => done("far").in, { timeout: 10_000, interval: 2 }).toBe(posted);
        }
        expect(done("far")).toMatchObject({ in: posted, emitted: posted, missed: {} });
      });
    }
  }
});
