import type { OperatorFunction } from "rxjs";
import { step, type WindowStore } from "@millrace/engine";
import { addRecent, countRecent, type RecentAttempts } from "./recent-attempts.ts";
import type { SlidingSpan } from "./sliding-span.ts";

export type Counted<T> = { readonly value: T; readonly count: number };

/**
 * Counts the values of each key in the span that ends with each value, that value included. What is later than a whole span is dropped (`late`),
 * and so is what has no key (`null-key`).
 */
export function countWithin<T>(recent: WindowStore<RecentAttempts>, span: SlidingSpan): OperatorFunction<T, Counted<T>> {
  return step((out, context) => (value) => {
    const { key, timestamp } = context.record;
    if (key === null) return context.drop("null-key");
    if (!span.reaches(timestamp)) return context.drop("late");
    const look = { key, timestamp, spanMs: span.spanMs };
    addRecent(recent, "seen", look);
    context.fold();
    out.next({ value, count: countRecent(recent, "seen", look) });
  });
}
