import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { type Bench, median, spread, thousands } from "../figures.ts";
import { engineCore, memoryFolder, withFolder } from "../machine.ts";
import { runPinned } from "../pinned-process.ts";

export type CommerceReport = {
  /** Records taken by all tasks together: each event counts once for every sub-topology it passes. */
  readonly hopRecords: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly commits: number;
  readonly tasksPerCommit: number;
  readonly tasks: number;
  readonly deadLettered: number;
  readonly rssMb: number;
};

const partitionCounts = [12, 1];

/** The shipped topology over April, many times over, cold from the log: start-up of the code is in it, the disk is not. */
export const benchCommerce: Bench = async ({ quick, rounds, say }) =>
  withFolder(memoryFolder, async (folder) => {
    const repetitions = quick ? "2" : "30";
    const reports = new Map<number, CommerceReport[]>(partitionCounts.map((count) => [count, []]));
    let events = 0;
    for (const count of partitionCounts) {
      const args = [join(folder, `${count}.db`), repetitions, String(count)];
      ({ events } = await runPinned<{ events: number }>("commerce/preload.ts", { core: engineCore, args }));
    }
    for (let round = 0; round < rounds; round++) {
      for (const count of partitionCounts) {
        await withFolder(folder, async (own) => {
          const path = join(own, "log.db");
          copyFileSync(join(folder, `${count}.db`), path);
          const report = await runPinned<CommerceReport>("commerce/engine.ts", { core: engineCore, args: [path, String(count)] });
          say(`commerce ${count} partitions: ${JSON.stringify(report)}`);
          reports.get(count)!.push(report);
        });
      }
    }
    return partitionCounts.flatMap((count) => {
      const all = reports.get(count)!;
      const { tasks, tasksPerCommit, hopRecords } = all[0]!;
      const micros = (value: number): string => `${value.toFixed(0)} µs`;
      const perSecond = (records: number): number[] => all.map(({ seconds }) => records / seconds);
      return [
        {
          job: `commerce topology, ${count} partition${count === 1 ? "" : "s"}`,
          figure: `${spread(perSecond(events), thousands)} events/s, ${spread(perSecond(hopRecords), thousands)} records/s over all hops`,
          peer: `CPU ${spread(
            all.map(({ cpuSeconds }) => (cpuSeconds * 1e6) / events),
            micros,
          )} an event, ${median(all.map(({ cpuSeconds }) => (cpuSeconds * 1e6) / hopRecords)).toFixed(1)} µs a hop (${(hopRecords / events).toFixed(1)} an event), ${tasks} tasks, ${tasksPerCommit} a commit`,
        },
      ];
    });
  });
