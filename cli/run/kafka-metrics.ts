import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { KafkaEvents } from "@millrace/engine";
import type { WorkerStatus } from "./worker-messages.ts";

/** Names of what a worker on Kafka counts beside the engine's own; dashboards and alerts use them as they stand here. */
export const kafkaMetricNames = {
  transactions: "millrace_transactions_total",
  transactionSeconds: "millrace_transaction_duration_seconds",
  transactionBytes: "millrace_transaction_bytes_total",
  rebalances: "millrace_rebalances_total",
  ownedTasks: "millrace_owned_tasks",
  restoringTasks: "millrace_restoring_tasks",
  restoreRemaining: "millrace_restore_remaining_records",
  restoreRate: "millrace_restore_records_per_second",
} as const;

type Transaction = Parameters<KafkaEvents["transaction"]>[0];

/** A worker on Kafka as Prometheus sees it, in the registry of its engine's metrics. */
export class KafkaMetrics {
  readonly #transactions: Counter<"outcome">;
  readonly #seconds: Histogram<"outcome">;
  readonly #bytes: Counter;
  readonly #rebalances: Counter;
  readonly #gauges: Readonly<Record<"owned" | "opening" | "remaining" | "rate", Gauge>>;

  constructor(registry: Registry) {
    const registers = [registry];
    const names = kafkaMetricNames;
    const labelNames = ["outcome"] as const;
    const ofTask = ["sub_topology", "partition"];
    this.#transactions = new Counter({ name: names.transactions, help: "Kafka transactions by outcome.", labelNames, registers });
    this.#seconds = new Histogram({
      name: names.transactionSeconds,
      help: "From the first request of a Kafka transaction until its outcome is known.",
      labelNames,
      buckets: [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15],
      registers,
    });
    this.#bytes = new Counter({ name: names.transactionBytes, help: "Bytes written within Kafka transactions.", registers });
    this.#rebalances = new Counter({ name: names.rebalances, help: "Rebalances of the group that this worker took part in.", registers });
    const gauge = (name: string, help: string, labels: readonly string[] = []): Gauge =>
      new Gauge({ name, help, labelNames: [...labels], registers });
    this.#gauges = {
      owned: gauge(names.ownedTasks, "Tasks that are assigned to this worker."),
      opening: gauge(names.restoringTasks, "Tasks assigned to this worker whose state is being brought back."),
      remaining: gauge(names.restoreRemaining, "Offsets of a task's changelog that its restore still has to read.", ofTask),
      rate: gauge(names.restoreRate, "Offsets a second that a task's restore has read so far.", ofTask),
    };
    for (const outcome of ["committed", "aborted", "fenced", "unknown"]) this.#transactions.inc({ outcome }, 0);
  }

  rebalanced(): void {
    this.#rebalances.inc();
  }

  transaction({ outcome, ms, bytes }: Transaction): void {
    this.#transactions.inc({ outcome });
    this.#seconds.observe({ outcome }, ms / 1000);
    this.#bytes.inc(bytes);
  }

  /** What is read off the worker when it is scraped. */
  show({ owned, opening, restoring }: WorkerStatus): void {
    const { remaining, rate } = this.#gauges;
    this.#gauges.owned.set(owned);
    this.#gauges.opening.set(opening.length);
    remaining.reset();
    rate.reset();
    for (const { task, remaining: left, perSecond } of restoring) {
      const slash = task.lastIndexOf("/");
      const labels = { sub_topology: task.slice(0, slash), partition: task.slice(slash + 1) };
      remaining.set(labels, left);
      rate.set(labels, perSecond);
    }
  }
}
