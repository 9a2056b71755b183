import type { OperatorFunction } from "rxjs";
import type { CurrentRecord } from "./context.ts";
import { step } from "./step.ts";

type Read<T, R> = (value: T, record: Readonly<CurrentRecord>) => R;

/** Each value becomes another; key and time stay. */
export const mapValue = <T, R>(change: Read<T, R>): OperatorFunction<T, R> =>
  step(
    (out, { record }) =>
      (value) =>
        out.next(change(value, record)),
  );

/** Each value gets another key for what follows in the same task; a key that others shall meet is an edge of the file (a repartition). */
export const mapRecord = <T, R>(change: Read<T, { readonly key: string | null; readonly value: R }>): OperatorFunction<T, R> =>
  step((out, context) => (value) => {
    const changed = change(value, context.record);
    context.emit(out, changed.value, { key: changed.key });
  });

/** Values that fail the test are dropped and counted under `reason`. */
export const filterValue = <T>(keep: Read<T, boolean>, reason = "filtered"): OperatorFunction<T, T> =>
  step((out, context) => (value) => {
    if (keep(value, context.record)) out.next(value);
    else context.drop(reason);
  });

/** Each value becomes any number of values, in order; none is counted as dropped (`empty`). */
export const flatMapValue = <T, R>(change: Read<T, readonly R[]>): OperatorFunction<T, R> =>
  step((out, context) => (value) => {
    const changed = change(value, context.record);
    for (const one of changed) out.next(one);
    if (changed.length === 0) context.drop("empty");
  });

/** The same with keys. */
export const flatMapRecord = <T, R>(
  change: Read<T, readonly { readonly key: string | null; readonly value: R }[]>,
): OperatorFunction<T, R> =>
  step((out, context) => (value) => {
    const changed = change(value, context.record);
    for (const one of changed) context.emit(out, one.value, { key: one.key });
    if (changed.length === 0) context.drop("empty");
  });

/** A value that fails the test leaves by the dead letters under `reason`; `explain` says in words what was found. */
export const requireValue = <T>(holds: Read<T, boolean>, reason: string, explain?: Read<T, string>): OperatorFunction<T, T> =>
  step((out, context) => (value) => {
    if (holds(value, context.record)) out.next(value);
    else context.deadLetter(reason, explain?.(value, context.record));
  });

/** Null values (deletes) are dropped and counted (`null-value`): for steps whose expressions read fields. */
export const dropNull = <T>(): OperatorFunction<T | null, T> =>
  step((out, context) => (value) => {
    if (value === null) context.drop("null-value");
    else out.next(value);
  });

/** Of a table's changes: a value that fails the test becomes a delete, and deletes pass. */
export const filterChange = <T>(keep: Read<T, boolean>): OperatorFunction<T | null, T | null> =>
  step(
    (out, { record }) =>
      (value) =>
        out.next(value !== null && keep(value, record) ? value : null),
  );
