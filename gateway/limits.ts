/** Every bound of the gateway; told in the body of each 413 and by `GET /v1/limits`. Bytes are of UTF-8, times are milliseconds. */
export const defaultLimits = {
  /** A body as it comes over the wire. */
  wireBytes: 1_048_576,
  /** A body after its content coding was undone. */
  decodedBytes: 5_242_880,
  /** Values in a body, counted by commas and opening brackets: parsing is bounded by them, not only by bytes. */
  values: 300_000,
  /** Events a request. */
  events: 1_000,
  /** One event as sent; a wholesale order has over 1,000 lines. */
  eventBytes: 262_144,
  /** Objects and arrays within each other, the event itself being 1. */
  depth: 32,
  keysPerObject: 512,
  /** One string as sent, escapes counted as written. */
  stringBytes: 16_384,
  /** `eventId`, and the partition key. */
  idBytes: 64,
  keyBytes: 128,
  headerBytes: 16_384,
  headerCount: 100,
  queryBytes: 8_192,
  /** Bodies being read and records waiting for the log, together; above it requests are refused before their body is read. */
  waitingBytes: 67_108_864,
  /** How long an answer waits for the log; after it the outcome is unknown (504). */
  ackDeadlineMs: 5_000,
  headersTimeoutMs: 5_000,
  bodyIdleMs: 10_000,
  bodyTotalMs: 30_000,
  /** How long a connection may be idle between requests. */
  keepAliveMs: 65_000,
  /** How far ahead of the gateway's clock an event's time is believed. */
  aheadMs: 60_000,
  /** Below this a difference between `sentAt` and the gateway's clock is the way, not the clock. */
  skewMs: 5_000,
} as const;

export type Limits = { readonly [name in keyof typeof defaultLimits]: number };
