import { readFileSync } from "node:fs";
import { quantile } from "../figures.ts";
import type { AggregateReport } from "./workload.ts";

/** Times the last two thirds of a run: told of each commit, it knows when to begin. */
export class Measure {
  private readonly from: number;
  private readonly total: number;
  private records = 0;
  private begun: { readonly records: number; readonly at: number; readonly cpu: NodeJS.CpuUsage; readonly written: number } | undefined;
  private ended: Pick<AggregateReport, "recordsPerSecond" | "cpuMicros" | "bytesWritten"> | undefined;
  private readonly times: number[] = [];

  constructor(total: number) {
    this.total = total;
    this.from = Math.floor(total / 3);
  }

  get done(): boolean {
    return this.ended !== undefined;
  }

  committed(records: number, ms: number): void {
    this.records += records;
    if (this.begun !== undefined) this.times.push(ms);
    else if (this.records >= this.from) {
      this.begun = { records: this.records, at: performance.now(), cpu: process.cpuUsage(), written: writtenBytes() };
    }
    if (this.records < this.total || this.begun === undefined) return;
    const { begun } = this;
    const { user, system } = process.cpuUsage(begun.cpu);
    const count = this.records - begun.records;
    this.ended = {
      recordsPerSecond: Math.round((count / (performance.now() - begun.at)) * 1000),
      cpuMicros: (user + system) / count,
      bytesWritten: Math.round((writtenBytes() - begun.written) / count),
    };
  }

  report(sum: { readonly count: number; readonly checksum: number }): AggregateReport {
    const sorted = this.times.sort((a, b) => a - b);
    return {
      ...this.ended!,
      commitP50: quantile(sorted, 0.5),
      commitP99: quantile(sorted, 0.99),
      rssMb: Math.round(process.resourceUsage().maxRSS / 1024),
      outputs: sum.count,
      checksum: sum.checksum,
    };
  }
}

const writtenBytes = (): number => Number(/wchar: (\d+)/.exec(readFileSync("/proc/self/io", "utf8"))?.[1] ?? 0);
