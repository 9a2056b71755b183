import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** Names of all that this room counts; `docs/` and dashboards use them as they stand here. */
export const metricNames = {
  events: "millrace_gateway_events_total",
  requests: "millrace_gateway_requests_total",
  latency: "millrace_gateway_request_duration_seconds",
  waitingBytes: "millrace_gateway_waiting_bytes",
  waitingRecords: "millrace_gateway_waiting_records",
  appendRecords: "millrace_gateway_append_records",
  appendDuration: "millrace_gateway_append_duration_seconds",
  appendErrors: "millrace_gateway_append_errors_total",
  dedupeEntries: "millrace_gateway_dedupe_entries",
} as const;

/** Names of the log events of this room. */
export const logEvents = {
  request: "gateway.request",
  bug: "gateway.bug",
  appendFailed: "gateway.append-failed",
  draining: "gateway.draining",
} as const;

export type Gauges = { readonly waitingBytes: () => number; readonly waitingRecords: () => number; readonly dedupeEntries: () => number };

export type GatewayMetrics = {
  events(outcome: "accepted" | "duplicate" | "rejected" | "retry", code: string, count: number): void;
  request(status: number, seconds: number): void;
  append(records: number, seconds: number, failed: boolean): void;
};

/** Counts on a registry of the caller's. Children are looked up once: finding one by its labels costs more than counting. */
export function createMetrics(registry: Registry, gauges: Gauges): GatewayMetrics {
  const registers = [registry];
  const events = new Counter({
    name: metricNames.events,
    help: "Events answered, by outcome and code (empty: accepted or duplicate).",
    labelNames: ["outcome", "code"],
    registers,
  });
  const requests = new Counter({
    name: metricNames.requests,
    help: "Requests to POST /v1/events, by status.",
    labelNames: ["status"],
    registers,
  });
  const latency = new Histogram({
    name: metricNames.latency,
    help: "From the request's head to its answer.",
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  });
  const appendRecords = new Histogram({
    name: metricNames.appendRecords,
    help: "Records an append.",
    buckets: [1, 3, 10, 30, 100, 300, 1000, 3000, 10_000],
    registers,
  });
  const appendDuration = new Histogram({
    name: metricNames.appendDuration,
    help: "From handing an append to the log until it is durable.",
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
    registers,
  });
  const appendErrors = new Counter({ name: metricNames.appendErrors, help: "Appends that the log threw back.", registers });
  gauge(registry, metricNames.waitingBytes, "Bytes of bodies being read and of records waiting for the log.", gauges.waitingBytes);
  gauge(registry, metricNames.waitingRecords, "Records waiting for the log, in flight or behind.", gauges.waitingRecords);
  gauge(registry, metricNames.dedupeEntries, "Event ids in the duplicate table.", gauges.dedupeEntries);
  const eventChildren = new Map<string, Counter.Internal>();
  const requestChildren = new Map<number, Counter.Internal>();
  return {
    events(outcome, code, count) {
      const name = code === "" ? outcome : `${outcome} ${code}`;
      let child = eventChildren.get(name);
      if (child === undefined) eventChildren.set(name, (child = events.labels(outcome, code)));
      child.inc(count);
    },
    request(status, seconds) {
      let child = requestChildren.get(status);
      if (child === undefined) requestChildren.set(status, (child = requests.labels(String(status))));
      child.inc();
      latency.observe(seconds);
    },
    append(records, seconds, failed) {
      if (failed) appendErrors.inc();
      appendRecords.observe(records);
      appendDuration.observe(seconds);
    },
  };
}

function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}
