import { createHash } from "node:crypto";
import { decodeHeaders, noHeaders, type NodeContext } from "@millrace/engine";
import { schemaOf } from "#schemas/event-registry.ts";
import type { EventType } from "#schemas/event-types.ts";

/** Header of a record that names what its events have in common. */
const correlationHeader = "correlationid";
const eventId = /^[A-Za-z0-9._:-]{1,64}$/;
const noMetadata = { sessionId: null, userId: null, userAgent: null, ipAddress: null, schemaVersion: null } as const;

/** Puts the envelope around what a processor says: the same event, under the same id, whenever the same record is processed again. [Y13] */
export function envelopeOf(eventType: EventType, source: string, context: NodeContext): (data: unknown) => Record<string, unknown> {
  const { version } = schemaOf(eventType);
  const { record } = context;
  // Several events may come of one record, whose headers are then the same bytes.
  let headers: Uint8Array = noHeaders;
  let correlationId: string | null = null;
  return (data) => {
    if (record.headers !== headers) {
      headers = record.headers;
      correlationId = correlationOf(headers);
    }
    const id = context.id();
    return {
      eventId: eventId.test(id) ? id : createHash("sha256").update(id).digest("base64url"),
      eventType,
      eventVersion: version,
      source,
      timestamp: record.timestamp,
      correlationId,
      causationId: null,
      metadata: noMetadata,
      data,
    };
  };
}

function correlationOf(headers: Uint8Array): string | null {
  if (headers.length === 0) return null;
  return decodeHeaders(headers).find(([name]) => name === correlationHeader)?.[1] ?? null;
}
