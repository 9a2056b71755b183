import { encodeHeaders } from "#engine/broker/record-batch.ts";

const name = "correlationid";

/**
 * Encodes the headers of a request's records: `traceparent` and `recordedtime`, written once for all of them, and each record's
 * `correlationid`. Three and no more: they are bytes on every record, and the rest stands in its value.
 */
export function recordHeaders(request: { readonly traceparent: string; readonly recordedTime: string }): (correlationId: string) => Buffer {
  const shared = encodeHeaders([
    ["traceparent", request.traceparent],
    ["recordedtime", request.recordedTime],
  ]);
  let lastId: string | undefined;
  let last = shared;
  return (correlationId) => {
    if (correlationId === lastId) return last;
    last = Buffer.concat([shared, encodeHeaders([[name, correlationId]])]);
    lastId = correlationId;
    return last;
  };
}
