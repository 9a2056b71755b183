import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { WorkerEvents, WorkerSnapshot } from "@millrace/engine";

/** Names of what the pipeline counts; dashboards and alerts use them as they stand here. */
export const engineMetricNames = {
  nodeRecords: "millrace_node_records_total",
  nodeOutputs: "millrace_node_outputs_total",
  missedWindows: "millrace_node_missed_windows_total",
  undecodable: "millrace_source_dead_letters_total",
  lagRecords: "millrace_lag_records",
  lagSeconds: "millrace_lag_seconds",
  watermarkLagSeconds: "millrace_watermark_lag_seconds",
  streamTime: "millrace_stream_time_seconds",
  stoppedTasks: "millrace_stopped_tasks",
  commits: "millrace_commits_total",
  commitSeconds: "millrace_commit_duration_seconds",
  commitRecords: "millrace_commit_records",
} as const;

/** The pipeline as Prometheus sees it: counts and lags are read off the worker when they are asked for, commits are counted as they happen. */
export class EngineMetrics {
  readonly registry: Registry = new Registry();
  private readonly commits: Counter<"outcome">;
  private readonly commitSeconds: Histogram;
  private readonly commitRecords: Histogram;
  private readonly counters: Readonly<Record<"nodeRecords" | "nodeOutputs" | "missedWindows" | "undecodable", Counter>>;
  private readonly gauges: Readonly<Record<"lagRecords" | "lagSeconds" | "watermarkLagSeconds" | "streamTime" | "stoppedTasks", Gauge>>;

  constructor() {
    const registers = [this.registry];
    const counter = (name: string, help: string, labelNames: string[]): Counter => new Counter({ name, help, labelNames, registers });
    const gauge = (name: string, help: string, labelNames: string[] = []): Gauge => new Gauge({ name, help, labelNames, registers });
    const names = engineMetricNames;
    this.counters = {
      nodeRecords: counter(names.nodeRecords, "Records by node and what became of them; in = emitted + folded + dropped + dead-lettered.", [
        "node",
        "outcome",
        "reason",
      ]),
      nodeOutputs: counter(names.nodeOutputs, "Values that left a node.", ["node"]),
      missedWindows: counter(names.missedWindows, "Windows that records were too late for.", ["node", "reason"]),
      undecodable: counter(names.undecodable, "Records taken out before or by their first node, by source topic.", ["topic"]),
    };
    this.gauges = {
      lagRecords: gauge(names.lagRecords, "Offsets between the position of a sub-topology and the end of its input.", [
        "sub_topology",
        "topic",
        "partition",
      ]),
      lagSeconds: gauge(names.lagSeconds, "Time since the log took the oldest record at hand that is not processed.", [
        "sub_topology",
        "topic",
        "partition",
      ]),
      watermarkLagSeconds: gauge(names.watermarkLagSeconds, "How far the watermark of a task is behind its stream time.", [
        "sub_topology",
        "partition",
      ]),
      streamTime: gauge(names.streamTime, "Greatest event time that a sub-topology has read.", ["sub_topology"]),
      stoppedTasks: gauge(names.stoppedTasks, "Tasks that stand still after an error that was no verdict on a record."),
    };
    this.commits = new Counter({ name: names.commits, help: "Commits by outcome.", labelNames: ["outcome"], registers });
    this.commitSeconds = new Histogram({
      name: names.commitSeconds,
      help: "Time of a commit.",
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
      registers,
    });
    this.commitRecords = new Histogram({
      name: names.commitRecords,
      help: "Records a commit.",
      buckets: [1, 10, 100, 300, 1000, 3000, 10_000],
      registers,
    });
  }

  committed({ records, ms }: Parameters<WorkerEvents["committed"]>[0]): void {
    this.commits.inc({ outcome: "committed" });
    this.commitSeconds.observe(ms / 1000);
    this.commitRecords.observe(records);
  }

  commitFailed({ kind }: Parameters<WorkerEvents["commitFailed"]>[0]): void {
    this.commits.inc({ outcome: kind });
  }

  /** The text that Prometheus scrapes, with the worker as it stands. */
  async scrape(snapshot: WorkerSnapshot): Promise<string> {
    const { counters, gauges } = this;
    for (const counter of Object.values(counters)) counter.reset();
    for (const gauge of Object.values(gauges)) gauge.reset();
    for (const { node, emitted, folded, deadLettered, out, dropped, missed, in: entered } of snapshot.nodes) {
      for (const [outcome, count] of Object.entries({ in: entered, emitted, folded, "dead-lettered": deadLettered }))
        counters.nodeRecords.inc({ node, outcome, reason: "" }, count);
      for (const [reason, count] of Object.entries(dropped)) counters.nodeRecords.inc({ node, outcome: "dropped", reason }, count);
      for (const [reason, count] of Object.entries(missed)) counters.missedWindows.inc({ node, reason }, count);
      counters.nodeOutputs.inc({ node }, out);
    }
    for (const [topic, count] of Object.entries(snapshot.undecodable)) counters.undecodable.inc({ topic }, count);
    for (const { task, topic, partition, records, ms } of snapshot.inputs) {
      const labels = { sub_topology: subTopologyOf(task), topic, partition };
      gauges.lagRecords.set(labels, records);
      gauges.lagSeconds.set(labels, ms / 1000);
    }
    const streamTimes = new Map<string, number>();
    for (const { task, streamTime, watermarkLagMs } of snapshot.tasks) {
      const sub = subTopologyOf(task);
      gauges.watermarkLagSeconds.set({ sub_topology: sub, partition: task.slice(sub.length + 1) }, watermarkLagMs / 1000);
      streamTimes.set(sub, Math.max(streamTimes.get(sub) ?? -1, streamTime));
    }
    for (const [sub, streamTime] of streamTimes) gauges.streamTime.set({ sub_topology: sub }, streamTime / 1000);
    gauges.stoppedTasks.set(snapshot.tasks.filter(({ stopped }) => stopped).length);
    return this.registry.metrics();
  }
}

const subTopologyOf = (task: string): string => task.slice(0, task.lastIndexOf("/"));
