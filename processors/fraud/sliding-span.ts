import type { NodeContext, WindowStore } from "@millrace/engine";

/**
 * A span of time that slides with each record: `(t − spanMs, t]`. What is remembered lies in segments of `spanMs`, so that a span is in two of them,
 * and goes by whole segments behind the smaller of stream time and watermark. [F1]
 */
export type SlidingSpan = {
  readonly spanMs: number;
  /** Moves stream time to a record; false when the record is so late that its span may be forgotten. */
  reaches(timestamp: number): boolean;
};

type Forgetful = Pick<WindowStore<unknown>, "expire">;
type Clock = Pick<NodeContext, "cell" | "watermark">;

/** Made where the node is built; the store's segments are expired by it alone. */
export function slidingSpan(store: Forgetful, spanMs: number, context: Clock): SlidingSpan {
  const streamTime = context.cell("span-stream-time", -1);
  const expired = context.cell("span-expired-before", 0);
  return {
    spanMs,
    reaches(timestamp) {
      if (timestamp > streamTime.value) streamTime.value = timestamp;
      const closing = Math.min(streamTime.value, context.watermark);
      // A record that is late by the whole span still finds the two segments of its own span.
      const needed = segmentStart(closing, spanMs) - 2 * spanMs;
      if (needed > expired.value) {
        expired.value = needed;
        store.expire(needed);
      }
      return timestamp >= closing - spanMs;
    },
  };
}

/** The segment that a time lies in, by its start. */
export function segmentStart(timestamp: number, spanMs: number): number {
  return Math.floor(timestamp / spanMs) * spanMs;
}
