import { encodeHeaders } from "#engine/broker/record-batch.ts";

const name = Buffer.from("correlationid");

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
    const length = Buffer.byteLength(correlationId);
    const bytes = Buffer.allocUnsafe(shared.length + 6 + name.length + length);
    shared.copy(bytes);
    let at = bytes.writeUInt16BE(name.length, shared.length);
    at += name.copy(bytes, at);
    at = bytes.writeInt32BE(length, at);
    bytes.write(correlationId, at);
    lastId = correlationId;
    last = bytes;
    return bytes;
  };
}
