import { compileTopology, type Compiled } from "#topology/compile-topology.ts";
import { formatProblem } from "#topology/topology-error.ts";

/** Payments by card and minute; keys are drawn evenly. Enough records that folding, expiry and collection have come to rest in the last two thirds. */
export type Workload = {
  readonly keys: number;
  readonly records: number;
  readonly recordsPerMinute: number;
  readonly retainMs: number;
};

export const workloads: Readonly<Record<string, Workload>> = {
  "20k": { keys: 20_000, records: 4_500_000, recordsPerMinute: 400_000, retainMs: 3 * 60_000 },
  "1M": { keys: 1_000_000, records: 4_500_000, recordsPerMinute: 1_000_000, retainMs: 60_000 },
};

export const partitions = 4;
/** Records of one partition that one append brings, as a busy gateway gathers them. */
export const recordsPerBatch = 250;
export const minuteMs = 60_000;
export const graceMs = 10_000;
export const firstAt: number = Date.UTC(2011, 3, 1);
export const inputTopic = "business.payments.attempted";
export const outputTopic = "analytics.payments.per-minute";
export const keyOf = (n: number): string => `card-${String(n).padStart(7, "0")}`;

/** What a quick look takes of a workload. */
export const quickened = (workload: Workload): Workload => ({ ...workload, records: 300_000, recordsPerMinute: 60_000 });

export function workloadOf(name: string, quick: boolean): Workload {
  const workload = workloads[name];
  if (workload === undefined) throw new Error(`there is no workload ${name}`);
  const records = Number(process.env["BENCH_RECORDS"] ?? workload.records);
  return quick ? quickened(workload) : { ...workload, records };
}

/** The topology under measurement, through the compiler as any other. */
export function compileAggregate({ retainMs }: Workload): Compiled {
  const text = `
topology: bench
nodes:
  payments-per-minute:
    from: ${inputTopic}
    window: { tumbling: 1m, grace: ${graceMs / 1000}s, retain: ${retainMs / 1000}s }
    aggregate: { count: count(), amount: sum(data.amount), newest: max(timestamp) }
    to: ${outputTopic}
`;
  const { problems, compiled } = compileTopology(text, { processors: [], file: "aggregate.yaml", partitions });
  if (compiled === undefined) throw new Error(problems.map((problem) => formatProblem(problem)).join("\n"));
  return compiled;
}

/** What both engines print. `checksum` is over all output values, so that equal ones did the same work. */
export type AggregateReport = {
  readonly recordsPerSecond: number;
  /** User and system time of all threads, µs a record. */
  readonly cpuMicros: number;
  readonly bytesWritten: number;
  readonly commitP50: number;
  readonly commitP99: number;
  readonly rssMb: number;
  readonly outputs: number;
  readonly checksum: number;
};
