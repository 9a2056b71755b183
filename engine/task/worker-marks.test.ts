import { describe, expect, test } from "vitest";
import type { TestInput } from "#testing/every-way.ts";
import { pickFrom } from "#testing/random-plan.ts";
import { testPlan } from "#testing/test-plan.ts";
import { rekeyNumbers, windowCounts } from "#testing/window-nodes.ts";
import { caughtUp, openTestBroker, post, startTestWorker } from "#testing/worker-bench.ts";
import { countsOf } from "./node-counts.ts";
import type { Plan } from "./plan.ts";
import type { Worker } from "./worker.ts";

const seed = Number(process.env["SEED"] ?? 20_261_121);

/** Windows behind one change of key and behind two. */
function plan(partitions: number): Plan {
  return testPlan(
    {
      one: { nodes: { a: { processor: rekeyNumbers(7), from: { in: ["in"] } } }, to: { ab: { from: "a.out", kind: "repartition" } } },
      two: {
        nodes: { near: { processor: windowCounts(), from: { in: ["ab"] } }, b: { processor: rekeyNumbers(3), from: { in: ["ab"] } } },
        to: { bc: { from: "b.out", kind: "repartition" } },
      },
      three: { nodes: { far: { processor: windowCounts(), from: { in: ["bc"] } } }, to: {} },
    },
    partitions,
  );
}

const missedBy = (worker: Worker, node: string): ReturnType<typeof countsOf> =>
  countsOf(
    [...worker.ownedTasks.values()].map(({ meta }) => meta),
    node,
  );

describe("[M4] [M5] nothing is late behind repartitions, with workers that come and go while records are posted", () => {
  for (const partitions of [2, 6]) {
    for (const idleMs of [0, 4, 60_000]) {
      test(`${partitions} partitions, idle after ${idleMs} ms (seed ${seed})`, async () => {
        const pick = pickFrom(seed + partitions * 31 + idleMs);
        const topology = plan(partitions);
        const broker = await openTestBroker(topology);
        let time = 0;
        let posted = 0;
        for (let life = 0; life < 6; life++) {
          const worker = await startTestWorker(topology, broker, {
            idleMs,
            markMs: pick(3) * 5,
            commitMs: pick(4),
            sliceRecords: 1 + pick(20),
            commitRecords: 1 + pick(50),
            bufferedRecords: 1 + pick(100),
          });
          for (let lot = 0; lot < 6; lot++) {
            const inputs = Array.from({ length: 1 + pick(60) }, (): TestInput => {
              time += pick(30) === 0 ? 500 : pick(6);
              return { to: "in", key: `in-${pick(9)}`, value: posted++, at: time };
            });
            await post(broker, topology, inputs);
          }
          // Some lives end before they have seen everything.
          if (life === 5 || pick(2) === 0) await caughtUp(worker, broker, { plan: topology, topic: "in", subTopology: "three" });
          if (life === 5) {
            for (const node of ["near", "far"]) expect(missedBy(worker, node)).toMatchObject({ in: posted, emitted: posted, missed: {} });
          }
          await worker.stop();
        }
      });
    }
  }
});

test("[T7] a clock that is set back by an hour holds up neither commits nor marks", async () => {
  const topology = plan(2);
  const broker = await openTestBroker(topology);
  let setBackMs = 0;
  const worker = await startTestWorker(topology, broker, { clock: () => Date.now() - setBackMs, markMs: 20, idleMs: 20 });
  const at = { plan: topology, topic: "in", subTopology: "three" };
  const inputs = (from: number): TestInput[] =>
    Array.from({ length: 20 }, (_, i) => ({ to: "in", key: `in-${i % 9}`, value: i, at: from + i }));
  for (const [round, from] of [1000, 2000, 3000].entries()) {
    setBackMs = round * 3_600_000;
    await post(broker, topology, inputs(from));
    await caughtUp(worker, broker, at);
    const least = (): number =>
      Math.min(...[...worker.ownedTasks.values()].filter(({ id }) => id.startsWith("two/")).map(({ watermark }) => watermark));
    await expect.poll(least, { timeout: 3000 }).toBeGreaterThanOrEqual(from);
  }
});
