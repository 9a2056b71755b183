import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { type Bench, type BenchOptions, type Figure, median, micros, millis, percent, spread, thousands } from "../figures.ts";
import { engineCore, memoryFolder, withFolder } from "../machine.ts";
import { runPinned } from "../pinned-process.ts";
import { type AggregateReport, workloadOf, workloads } from "./workload.ts";

const targetRate = 60_000;
const targetShare = 0.6;

/** Payments by card and minute, from Avro on the log to the log, beside the hand-written loop; alternating, each on a fresh copy of one log. */
export const benchAggregate: Bench = async (options) => {
  const figures: Figure[] = [];
  for (const name of Object.keys(workloads)) figures.push(...(await benchWorkload(name, options)));
  return figures;
};

async function benchWorkload(name: string, { quick, rounds, say }: BenchOptions): Promise<Figure[]> {
  const reports: Record<"engine" | "mini-engine", AggregateReport[]> = { engine: [], "mini-engine": [] };
  const mode = quick ? ["quick"] : [];
  await withFolder(memoryFolder, async (folder) => {
    const input = join(folder, "input.db");
    await runPinned("aggregate/preload.ts", { core: engineCore, args: [input, name, ...mode] });
    for (let round = 0; round < rounds; round++) {
      for (const engine of ["engine", "mini-engine"] as const) {
        await withFolder(folder, async (own) => {
          const path = join(own, "log.db");
          copyFileSync(input, path);
          const report = await runPinned<AggregateReport>(`aggregate/${engine}.ts`, { core: engineCore, args: [path, name, ...mode] });
          reports[engine].push(report);
          say(`aggregate ${name} ${engine}: ${JSON.stringify(report)}`);
        });
      }
    }
  });
  const all = [...reports.engine, ...reports["mini-engine"]];
  const { records } = workloadOf(name, quick);
  if (all.some(({ outputs, checksum }) => outputs !== records || checksum !== all[0]!.checksum)) {
    throw new Error(`aggregate ${name}: the answers differ: ${all.map(({ outputs, checksum }) => `${outputs}/${checksum}`).join(" ")}`);
  }
  const of = (engine: keyof typeof reports, what: keyof AggregateReport): number[] => reports[engine].map((report) => report[what]);
  const rate = median(of("engine", "recordsPerSecond"));
  const wallShare = rate / median(of("mini-engine", "recordsPerSecond"));
  const cpuShare = median(of("mini-engine", "cpuMicros")) / median(of("engine", "cpuMicros"));
  return [
    {
      job: `aggregate, ${name} keys`,
      figure: `${spread(of("engine", "recordsPerSecond"), thousands)} records/s, CPU ${spread(of("engine", "cpuMicros"), micros)}`,
      peer: `mini engine ${spread(of("mini-engine", "recordsPerSecond"), thousands)}, CPU ${spread(of("mini-engine", "cpuMicros"), micros)}`,
      target: `≥ ${thousands(targetRate)} records/s`,
      reached: rate >= targetRate,
    },
    {
      job: `aggregate, ${name} keys, share`,
      figure: `${percent(cpuShare)} of the mini engine by CPU, ${percent(wallShare)} by the clock`,
      peer: "same answers, by checksum",
      target: `≥ ${percent(targetShare)}`,
      reached: cpuShare >= targetShare,
    },
    {
      job: `aggregate, ${name} keys, beside`,
      figure: `${median(of("engine", "bytesWritten"))} B written a record, commit ${millis(median(of("engine", "commitP50")))}/${millis(median(of("engine", "commitP99")))}, ${median(of("engine", "rssMb"))} MB`,
      peer: `${median(of("mini-engine", "bytesWritten"))} B, ${millis(median(of("mini-engine", "commitP50")))}/${millis(median(of("mini-engine", "commitP99")))}, ${median(of("mini-engine", "rssMb"))} MB`,
    },
  ];
}
