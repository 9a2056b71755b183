import type { OperatorFunction } from "rxjs";
import type { KeyValueStore } from "#state/store.ts";
import { step } from "./step.ts";

/** Keeps the last value of each key, by arrival, and passes every change on; null deletes. Records without key are dropped and counted. */
export function asTable<T>(store: KeyValueStore<T>): OperatorFunction<T | null, T | null> {
  return step((out, context) => (value) => {
    const { key } = context.record;
    if (key === null) return context.drop("null-key");
    if (value === null) store.delete(key);
    else store.put(key, value);
    context.fold();
    out.next(value);
  });
}

/** Keeps the last value of each key that `keyOf` makes of value and record (e.g. a tuple of group and member), and passes it on. */
export function upsert<T>(store: KeyValueStore<T>, keyOf: (value: T, key: string | null) => string | null): OperatorFunction<T, T> {
  return step((out, context) => (value) => {
    const key = keyOf(value, context.record.key);
    if (key === null) return context.drop("null-key");
    store.put(key, value);
    context.fold();
    out.next(value);
  });
}
