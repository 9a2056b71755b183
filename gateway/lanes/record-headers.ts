import { encodeHeaders, type HeaderList } from "#engine/broker/record-batch.ts";

const name = "correlationid";
const lengthBytes = 4;

/**
 * Encodes the headers of a request's records: `traceparent` and `recordedtime`, written once for all of them, and each record's
 * `correlationid`. Three and no more: they are bytes on every record, and the rest stands in its value.
 */
export function recordHeaders(request: { readonly traceparent: string; readonly recordedTime: string }): (correlationId: string) => Buffer {
  const shared: HeaderList = [
    ["traceparent", request.traceparent],
    ["recordedtime", request.recordedTime],
  ];
  // All but the id, whose length comes last.
  const head = encodeHeaders([...shared, [name, ""]]);
  let lastId: string | undefined;
  let last = head;
  return (correlationId) => {
    if (correlationId !== lastId) {
      last = withAscii(head, correlationId) ?? encodeHeaders([...shared, [name, correlationId]]);
      lastId = correlationId;
    }
    return last;
  };
}

/** The headers with their last value filled in; undefined when that needs encoding, which it nearly never does. */
function withAscii(head: Buffer, value: string): Buffer | undefined {
  const bytes = Buffer.allocUnsafe(head.length + value.length);
  bytes.set(head);
  bytes.writeInt32BE(value.length, head.length - lengthBytes);
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code > 127) return undefined;
    bytes[head.length + i] = code;
  }
  return bytes;
}
