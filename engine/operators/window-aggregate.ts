import type { OperatorFunction } from "rxjs";
import type { WindowStore } from "#state/store.ts";
import type { Aggregator } from "./aggregate.ts";
import { step } from "./step.ts";
import type { Timestamped } from "./timestamped.ts";

/** Windows `[s, s + sizeMs)` with s a multiple of `advanceMs` (tumbling: the size), s ≥ 0. All in ms. */
export type WindowSpec = {
  readonly sizeMs: number;
  readonly advanceMs?: number;
  readonly graceMs: number;
  readonly emit: "update" | "final";
  /** Least wall-clock time between attempts to emit final results. */
  readonly emitIntervalMs?: number;
  /** How long closed windows stay to be asked for. */
  readonly retainMs?: number;
  readonly late?: "drop" | "dead-letter";
};

/**
 * Folds the values of each key and window. A record updates a window iff its end > closing time − grace, closing time being the smaller of stream
 * time and watermark; otherwise it misses it, counted `late`. `update` emits each change; `final` each window once, when its end ≤ closing time − grace,
 * in order of start, then key. Stream time and what was emitted are part of the commit. Kafka Streams' rules (oracles/window-aggregate.json), but that
 * an open window is never forgotten.
 */
export function aggregateByWindow<T, A>(
  store: WindowStore<Timestamped<A>>,
  spec: WindowSpec,
  { init, add }: Aggregator<T | null, A>,
): OperatorFunction<T | null, A | null> {
  const { sizeMs, graceMs, emit, advanceMs = sizeMs, emitIntervalMs = 0, retainMs = 0, late = "drop" } = spec;
  if (emit === "final" && !Number.isFinite(sizeMs)) throw new RangeError("final results need windows that close: the size must be finite");
  return step((out, context) => {
    const { record } = context;
    const streamTime = context.cell("stream-time", -1);
    const emitted = context.cell("emitted-until", -1);
    const nextAttempt = context.cell("next-attempt", 0);
    const expired = context.cell("expired-before", 0);
    const closeTime = (): number => Math.min(streamTime.value, context.watermark) - graceMs;

    const emitClosed = (): void => {
      if (context.now() < nextAttempt.value) return;
      nextAttempt.value = context.now() + emitIntervalMs;
      const close = closeTime();
      if (close <= emitted.value) return;
      // Read first: a consumer of the results may not see the store change under its range.
      const closed = [...store.range(Math.max(0, emitted.value - sizeMs + 1), close - sizeMs + 1)];
      emitted.value = close;
      for (const [start, key, entry] of closed) {
        context.emitApart(out, entry.value, { key, timestamp: entry.timestamp, windowStart: start, windowEnd: start + sizeMs });
      }
    };

    /** Whole windows go once they are closed, emitted and no longer kept; now and then, since each expiry is an entry of the delta. */
    const expire = (close: number): void => {
      const done = emit === "final" ? Math.min(close, emitted.value) : close;
      const before = done - retainMs - sizeMs + 1;
      if (before - expired.value < Math.max(sizeMs, retainMs / 4) || before <= 0) return;
      expired.value = before;
      store.expire(before);
    };

    if (emit === "final") {
      context.onWatermark(emitClosed);
      context.holdTime(() => emitted.value - sizeMs + 1);
    }
    // One for all updates: it is read before anything else runs.
    const as = { timestamp: -1, windowStart: -1, windowEnd: -1 };

    return (value) => {
      const { key, timestamp } = record;
      if (key === null) return context.drop("null-key");
      if (timestamp > streamTime.value) streamTime.value = timestamp;
      const close = closeTime();
      let updated = false;
      const newest = Math.floor(timestamp / advanceMs) * advanceMs;
      // The oldest window of a record begins just behind timestamp − size.
      for (
        let start = Math.max(0, newest - Math.floor((sizeMs - 1 - (timestamp - newest)) / advanceMs) * advanceMs);
        start <= newest;
        start += advanceMs
      ) {
        if (start + sizeMs <= close) {
          context.miss("late");
          continue;
        }
        updated = true;
        const entry = store.get(key, start) ?? { value: init(), timestamp: -1 };
        if (timestamp > entry.timestamp) entry.timestamp = timestamp;
        const next = add(entry.value, value, key);
        if (next === null) store.delete(key, start);
        else {
          entry.value = next;
          store.put(key, start, entry);
        }
        if (emit !== "update") continue;
        as.timestamp = entry.timestamp;
        as.windowStart = start;
        as.windowEnd = start + sizeMs;
        context.emit(out, next, as);
      }
      if (updated) context.fold();
      else if (late === "dead-letter") context.deadLetter("late", `window of ${timestamp} closed at ${close}`);
      else context.drop("late");
      if (emit === "final") emitClosed();
      expire(close);
    };
  });
}
