import type { OperatorFunction } from "rxjs";
import type { Codec } from "#state/codec.ts";
import type { WindowStore } from "#state/store.ts";
import type { CurrentRecord } from "./context.ts";
import { step } from "./step.ts";

export type DedupeSpec<T> = {
  readonly by: (value: T, record: Readonly<CurrentRecord>) => string | null;
  readonly withinMs: number;
  readonly late?: "drop" | "dead-letter";
};

/** What is remembered of an id is that it was there. */
export const seenCodec: Codec<true> = { encode: () => new Uint8Array(0), decode: () => true };

/**
 * Lets the first record of each id through and drops the others (`duplicate`) that come within `withinMs` of stream time. A record older than
 * stream time − `withinMs` cannot be told from a duplicate and is late: dropped and counted, or dead-lettered. A null id is dropped (`null-id`).
 */
export function dedupe<T>(seen: WindowStore<true>, { by, withinMs, late = "drop" }: DedupeSpec<T>): OperatorFunction<T, T> {
  return step((out, context) => {
    const { record } = context;
    const streamTime = context.cell("dedupe-stream-time", -1);
    return (value) => {
      const { timestamp } = record;
      const id = by(value, record);
      if (id === null) return context.drop("null-id");
      if (timestamp > streamTime.value) {
        // Ids lie in segments of `withinMs`; a segment is needed as long as its youngest id is.
        const before = segmentOf(streamTime.value);
        streamTime.value = timestamp;
        if (segmentOf(timestamp) > before) seen.expire(Math.max(0, segmentOf(timestamp) - withinMs));
      } else if (timestamp < streamTime.value - withinMs) {
        if (late === "dead-letter")
          context.deadLetter("late", `older than stream time − ${withinMs} ms: it cannot be told from a duplicate`);
        else context.drop("late");
        return;
      }
      const own = segmentOf(timestamp);
      if (seen.get(id, own) ?? seen.get(id, own - withinMs) ?? seen.get(id, own + withinMs)) return context.drop("duplicate");
      seen.put(id, own, true);
      context.fold();
      out.next(value);
    };
  });

  function segmentOf(timestamp: number): number {
    return Math.floor(timestamp / withinMs) * withinMs;
  }
}
