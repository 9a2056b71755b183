import { encodeEvent } from "#schemas/event-codec.ts";
import { parseEvent } from "#schemas/parse-event.ts";
import { partitionOf } from "#engine/broker/partitioner.ts";
import type { EventFault, EventWarning } from "../event-codes.ts";
import type { Limits } from "../limits.ts";
import { eventTime } from "./event-time.ts";

/** An event as it goes to the log, but for its place in the order. */
export type AdmittedEvent = {
  readonly kind: "admitted";
  readonly eventId: string;
  readonly eventType: string;
  readonly source: string;
  readonly correlationId: string;
  readonly topic: string;
  readonly partition: number;
  readonly key: string;
  readonly timestampMs: number;
  readonly value: Uint8Array;
  readonly warnings: readonly EventWarning[] | undefined;
};
export type Admission = AdmittedEvent | { readonly kind: "rejected"; readonly faults: readonly EventFault[] };

export type AdmissionContext = {
  readonly receivedAtMs: number;
  readonly skewMs: number;
  readonly limits: Limits;
  /** Partitions of a topic, as the log has them. */
  readonly partitionsOf: (topic: string, bySchema: number) => number;
};

/** Judges one event by its schema and its time, and makes it what the log takes. The topic is looked up, never built from what was sent. */
export function admitEvent(value: unknown, context: AdmissionContext, filled: readonly EventWarning[] | undefined): Admission {
  const parsed = parseEvent(value);
  if (parsed.kind === "invalid") return { kind: "rejected", faults: parsed.problems };
  const { event, key, schema } = parsed;
  const { receivedAtMs, limits } = context;
  const time = eventTime(event.timestamp, context.skewMs, { ms: receivedAtMs, limits });
  if (time.kind === "invalid") {
    return rejected({ code: "invalid_time", pointer: "/timestamp", detail: "the log's times begin at 1970-01-01T00:00:00Z" });
  }
  let warnings = filled;
  if (parsed.warnings.length > 0) warnings = [...(warnings ?? []), ...parsed.warnings];
  if (time.kind === "ahead") {
    const detail = `the time is more than ${limits.aheadMs / 1000} s ahead of the gateway's clock; the event counts at its arrival`;
    warnings = [...(warnings ?? []), { code: "clock_skew", pointer: "/timestamp", detail }];
  }
  return {
    kind: "admitted",
    eventId: event.eventId,
    eventType: event.eventType,
    source: event.source,
    correlationId: event.correlationId ?? event.eventId,
    topic: schema.topic,
    partition: partitionOf(key, context.partitionsOf(schema.topic, schema.partitions)),
    key,
    timestampMs: time.ms,
    value: encodeEvent(event),
    warnings,
  };
}

const rejected = (fault: EventFault): Admission => ({ kind: "rejected", faults: [fault] });
