import type { Aggregator, CurrentRecord } from "@millrace/engine";
import { fieldName } from "#schemas/codec/compile-writer.ts";
import type { AggregateColumn, AggregateState } from "./aggregate-columns.ts";

/** Key, window and state of an aggregate as one row. */
export type MakeRow = (state: AggregateState, key: string, window: { readonly start: number; readonly end: number }) => AggregateState;

/** What a row shows besides the columns of its aggregate. */
export type RowShape = {
  /** Columns of the key by name, and which part of it they are. */
  readonly shown: readonly { readonly name: string; readonly part: number }[];
  readonly decodeKey: (key: string) => readonly unknown[];
  readonly isWindowed: boolean;
};

/**
 * Folds all columns at once; `record` is the task's current one. Generated as one function with every column at its own place: a loop over
 * columns reads and writes each by a name that differs every time, which is several times slower.
 */
export function compileAggregator(
  columns: readonly AggregateColumn[],
  record: Readonly<CurrentRecord>,
): Aggregator<unknown, AggregateState> {
  const names = columns.map(({ name }) => fieldName(name));
  const parts = names.map((_, i) => `const { init: init${i}, add: add${i} } = columns[${i}].fold, evaluate${i} = columns[${i}].evaluate;`);
  // Computed first, so that a record which fails changes nothing.
  const next = columns.map(({ argument }, i) =>
    argument === undefined
      ? `const next${i} = add${i}(state.${names[i]}, null);`
      : `const given${i} = evaluate${i}(value, record); const next${i} = given${i} === null || given${i} === undefined ? state.${names[i]} : add${i}(state.${names[i]}, given${i});`,
  );
  const text = `"use strict"; ${parts.join("\n")}
return {
  init: () => ({ ${names.map((name, i) => `${name}: init${i}()`).join(", ")} }),
  add: (state, value) => { ${next.join("\n")}
    ${names.map((name, i) => `state.${name} = next${i};`).join(" ")}
    return state; },
};`;
  const given = columns.map(({ fold, argument }) => ({ fold, evaluate: argument?.evaluate }));
  // oxlint-disable-next-line typescript/no-implied-eval, no-new-func -- generated from checked names only
  return new Function("columns", "record", text)(given, record) as Aggregator<unknown, AggregateState>;
}

/** Makes rows: the key under its names, for windows `window_start` and `window_end`, then the columns. */
export function compileRow(columns: readonly AggregateColumn[], { shown, decodeKey, isWindowed }: RowShape): MakeRow {
  const fields = [
    ...shown.map(({ name, part }) => `${fieldName(name)}: parts[${part}]`),
    ...(isWindowed ? ["window_start: window.start", "window_end: window.end"] : []),
    ...columns.map(({ name }, i) => `${fieldName(name)}: result${i}(state.${fieldName(name)})`),
  ];
  const text = `"use strict"; ${columns.map((_, i) => `const result${i} = columns[${i}].fold.result;`).join(" ")}
return (state, key, window) => { ${shown.length === 0 ? "" : "const parts = decodeKey(key);"} return { ${fields.join(", ")} }; };`;
  // oxlint-disable-next-line typescript/no-implied-eval, no-new-func -- generated from checked names only
  return new Function("columns", "decodeKey", text)(columns, decodeKey) as MakeRow;
}
