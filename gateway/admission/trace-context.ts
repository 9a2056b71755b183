const traceparent = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const zeroTrace = "0".repeat(32);
const zeroSpan = "0".repeat(16);

export type TraceContext = { readonly traceId: string; readonly traceparent: string };

/**
 * The trace that a request belongs to (W3C Trace Context): continued with a span of this gateway if the header is valid, else a new one.
 * `hex` gives as many random bytes as asked, in hexadecimal. The header's state and baggage are not passed on.
 */
export function traceContext(header: string | undefined, hex: (bytes: number) => string): TraceContext {
  const match = header === undefined ? null : traceparent.exec(header);
  const [, version, trace, span, flags, rest] = match ?? [];
  const valid =
    trace !== undefined && version !== "ff" && trace !== zeroTrace && span !== zeroSpan && (version !== "00" || rest === undefined);
  const traceId = valid ? trace : hex(16);
  // Of the flags only `sampled` is defined; others must not be sent on unknown.
  const sampled = valid ? Number.parseInt(flags!, 16) & 1 : 1;
  return { traceId, traceparent: `00-${traceId}-${hex(8)}-0${sampled}` };
}
