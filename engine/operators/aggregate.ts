import type { OperatorFunction } from "rxjs";
import type { KeyValueStore } from "#state/store.ts";
import { step } from "./step.ts";
import type { Timestamped } from "./timestamped.ts";

/** `add` may change the aggregate it is given and answer it; answering null deletes it. */
export type Aggregator<T, A> = { readonly init: () => A; readonly add: (aggregate: A, value: T, key: string) => A | null };

/** Folds the values of each key and emits every update, with the greatest timestamp of the records in it. Null keys and values are dropped and counted. */
export function aggregateByKey<T, A>(
  store: KeyValueStore<Timestamped<A>>,
  { init, add }: Aggregator<T, A>,
): OperatorFunction<T | null, A | null> {
  return step((out, context) => {
    const { record } = context;
    return (value) => {
      const { key } = record;
      if (key === null) return context.drop("null-key");
      if (value === null) return context.drop("null-value");
      const entry = store.get(key) ?? { value: init(), timestamp: -1 };
      if (record.timestamp > entry.timestamp) entry.timestamp = record.timestamp;
      const next = add(entry.value, value, key);
      if (next === null) store.delete(key);
      else {
        entry.value = next;
        store.put(key, entry);
      }
      context.fold();
      if (entry.timestamp === record.timestamp) out.next(next);
      else context.emit(out, next, { timestamp: entry.timestamp });
    };
  });
}

/** Folds values of one type: the first is taken as it is. */
export function reduceByKey<T>(
  store: KeyValueStore<Timestamped<T>>,
  reduce: (aggregate: T, value: T) => T,
): OperatorFunction<T | null, T | null> {
  return aggregateByKey<T, T>(store, firstAsItIs(reduce));
}

const none = Symbol("no value yet");

/** An aggregator whose first value is taken as it is. */
export function firstAsItIs<T>(reduce: (aggregate: T, value: T) => T): Aggregator<T, T> {
  // The aggregate of no values never leaves `add`.
  return { init: () => none as T, add: (aggregate, value) => (aggregate === none ? value : reduce(aggregate, value)) };
}
