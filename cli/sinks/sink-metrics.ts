import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { BreakerState, DeliveryEvents } from "@millrace/engine";
import type { SinkStatus } from "./running-sink.ts";

/** Names of what sinks count; dashboards and alerts use them as they stand here. */
export const sinkMetricNames = {
  records: "millrace_sink_records_total",
  deadLetters: "millrace_sink_dead_letters_total",
  calls: "millrace_sink_calls_total",
  callSeconds: "millrace_sink_call_duration_seconds",
  breaker: "millrace_sink_breaker_state",
  lagRecords: "millrace_sink_lag_records",
  lagSeconds: "millrace_sink_lag_seconds",
  unsettled: "millrace_sink_unsettled_records",
  running: "millrace_sink_running",
} as const;

const breakerStates: readonly BreakerState[] = ["closed", "half-open", "open"];

/** Sinks as Prometheus sees them: calls are counted as they end, lags and breakers are read off when they are asked for. */
export class SinkMetrics {
  readonly #records: Counter<"sink" | "outcome">;
  readonly #deadLetters: Counter<"sink">;
  readonly #calls: Counter<"sink" | "outcome">;
  readonly #callSeconds: Histogram<"sink">;
  readonly #gauges: Readonly<Record<"breaker" | "lagRecords" | "lagSeconds" | "unsettled" | "running", Gauge>>;

  constructor(registry: Registry) {
    const registers = [registry];
    const names = sinkMetricNames;
    this.#records = new Counter({
      name: names.records,
      help: "Records by sink and what became of an attempt: delivered, retried (each time), refused, skipped (not wanted), lost (offsets that retention dropped before).",
      labelNames: ["sink", "outcome"],
      registers,
    });
    this.#deadLetters = new Counter({
      name: names.deadLetters,
      help: "Records of a sink in the dead letters.",
      labelNames: ["sink"],
      registers,
    });
    this.#calls = new Counter({
      name: names.calls,
      help: "Calls of a sink: answered, or failed (nothing of it delivered or refused), which the breaker counts.",
      labelNames: ["sink", "outcome"],
      registers,
    });
    this.#callSeconds = new Histogram({
      name: names.callSeconds,
      help: "Time of a call of a sink.",
      labelNames: ["sink"],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30],
      registers,
    });
    const gauge = (name: string, help: string, labelNames: string[]): Gauge => new Gauge({ name, help, labelNames, registers });
    this.#gauges = {
      breaker: gauge(names.breaker, "1 for the state that a sink's breaker is in.", ["sink", "state"]),
      lagRecords: gauge(names.lagRecords, "Offsets between what is settled of a partition and its end.", ["sink", "topic", "partition"]),
      lagSeconds: gauge(names.lagSeconds, "Time since the log took the oldest record at hand that is neither delivered nor refused.", [
        "sink",
        "topic",
        "partition",
      ]),
      unsettled: gauge(names.unsettled, "Records that are held for a sink.", ["sink"]),
      running: gauge(names.running, "1 while a sink is a member of its group, 0 while it begins anew after a failure.", ["sink"]),
    };
  }

  /** Beginning with zero, so that a rate sees the first. */
  begin(sink: string): void {
    for (const outcome of ["delivered", "retried", "refused", "skipped", "lost"]) this.#records.inc({ sink, outcome }, 0);
    for (const outcome of ["answered", "failed"]) this.#calls.inc({ sink, outcome }, 0);
    this.#deadLetters.inc({ sink }, 0);
  }

  called(sink: string, { delivered, retried, refused, ms }: Parameters<DeliveryEvents["called"]>[0]): void {
    for (const [outcome, count] of Object.entries({ delivered, retried, refused })) this.#records.inc({ sink, outcome }, count);
    this.#calls.inc({ sink, outcome: delivered + refused > 0 ? "answered" : "failed" });
    this.#callSeconds.observe({ sink }, ms / 1000);
  }

  skipped(sink: string, records: number): void {
    this.#records.inc({ sink, outcome: "skipped" }, records);
  }

  lost(sink: string, offsets: number): void {
    this.#records.inc({ sink, outcome: "lost" }, offsets);
  }

  deadLettered(sink: string, letters: number): void {
    this.#deadLetters.inc({ sink }, letters);
  }

  /** Sets what stands still until it is asked for. */
  show(statuses: readonly SinkStatus[]): void {
    const { breaker, lagRecords, lagSeconds, unsettled, running } = this.#gauges;
    for (const gauge of Object.values(this.#gauges)) gauge.reset();
    for (const { name: sink, topic, failure, snapshot } of statuses) {
      running.set({ sink }, failure === undefined && snapshot !== undefined ? 1 : 0);
      if (snapshot === undefined) continue;
      for (const state of breakerStates) breaker.set({ sink, state }, snapshot.breaker === state ? 1 : 0);
      unsettled.set({ sink }, snapshot.unsettled);
      for (const { partition, records, ms } of snapshot.lags) {
        lagRecords.set({ sink, topic, partition: String(partition) }, records);
        lagSeconds.set({ sink, topic, partition: String(partition) }, ms / 1000);
      }
    }
  }
}
