import type { OperatorFunction } from "rxjs";
import { step, type WindowStore } from "@millrace/engine";
import { addRecent, countRecent, type RecentAttempts } from "../fraud/recent-attempts.ts";
import type { SlidingSpan } from "../fraud/sliding-span.ts";

/**
 * Lets a value of a key through while fewer than `limit` went through in the span that ends with it; others are dropped (`throttled`), and so is what is later than
 * a whole span (`late`) or has no key (`null-key`).
 */
export function atMostWithin<T>(recent: WindowStore<RecentAttempts>, span: SlidingSpan, limit: number): OperatorFunction<T, T> {
  return step((out, context) => (value) => {
    const { key, timestamp } = context.record;
    if (key === null) return context.drop("null-key");
    if (!span.reaches(timestamp)) return context.drop("late");
    const look = { key, timestamp, spanMs: span.spanMs };
    if (countRecent(recent, "raised", look) >= limit) return context.drop("throttled");
    addRecent(recent, "raised", look);
    out.next(value);
  });
}
