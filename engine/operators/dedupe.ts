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

/** What is remembered of an id: when it was there, ms. */
export const seenCodec: Codec<number> = {
  encode: (timestamp) => {
    const bytes = Buffer.allocUnsafe(8);
    bytes.writeDoubleBE(timestamp, 0);
    return bytes;
  },
  decode: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, 8).readDoubleBE(0),
};

/**
 * Lets the first record of each id through and drops the others (`duplicate`) whose timestamps are at most `withinMs` from its own. A record older than
 * closing time (the smaller of stream time and watermark) − `withinMs` cannot be told from a duplicate and is late: dropped and counted, or
 * dead-lettered. A null id is dropped (`null-id`). A record that this node had let in before it refused it, and that is redriven, is let in again: while its
 * id is remembered no other of it can have passed, and behind that they are late. Any other redriven record that is late is dead-lettered again.
 */
export function dedupe<T>(seen: WindowStore<number>, { by, withinMs, late = "drop" }: DedupeSpec<T>): OperatorFunction<T, T> {
  return step((out, context) => {
    const { record } = context;
    const streamTime = context.cell("dedupe-stream-time", -1);
    let expired = 0;
    return (value) => {
      const { timestamp } = record;
      const id = by(value, record);
      if (id === null) return context.drop("null-id");
      if (timestamp > streamTime.value) streamTime.value = timestamp;
      const oldest = Math.min(streamTime.value, context.watermark) - withinMs;
      const { redriven } = context;
      if (timestamp < oldest && redriven !== "let-in") {
        // What comes back is told of, not dropped.
        if (late === "dead-letter" || redriven !== undefined)
          context.deadLetter("late", `older than ${oldest}: it cannot be told from a duplicate`);
        else context.drop("late");
        return;
      }
      // Ids lie in segments of `withinMs`; those before the oldest record that is not late are looked at for its sake.
      const needed = segmentOf(oldest) - withinMs;
      if (needed > expired) seen.expire((expired = needed));
      const own = segmentOf(timestamp);
      if (
        redriven !== "let-in" &&
        (isNear(timestamp, seen.get(id, own)) ||
          isNear(timestamp, seen.get(id, own - withinMs)) ||
          isNear(timestamp, seen.get(id, own + withinMs)))
      )
        return context.drop("duplicate");
      seen.put(id, own, timestamp);
      context.fold();
      out.next(value);
    };
  });

  function isNear(timestamp: number, other: number | undefined): boolean {
    return other !== undefined && Math.abs(timestamp - other) <= withinMs;
  }

  function segmentOf(timestamp: number): number {
    return Math.floor(timestamp / withinMs) * withinMs;
  }
}
