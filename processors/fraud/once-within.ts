import type { OperatorFunction } from "rxjs";
import { step, type WindowStore } from "@millrace/engine";
import { addRecent, countRecent, type RecentAttempts } from "./recent-attempts.ts";
import type { SlidingSpan } from "./sliding-span.ts";

/** Lets a value of a key through unless one went through in the span that ends with it. It stands behind `countWithin`, on the same store. */
export function onceWithin<T>(recent: WindowStore<RecentAttempts>, { spanMs }: SlidingSpan): OperatorFunction<T, T> {
  return step((out, context) => (value) => {
    const { key, timestamp } = context.record;
    if (key === null) return;
    const look = { key, timestamp, spanMs };
    if (countRecent(recent, "raised", look) > 0) return;
    addRecent(recent, "raised", look);
    out.next(value);
  });
}
