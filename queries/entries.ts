import { compareKeys, storeIdOf, type ReadableTask } from "@millrace/engine";
import type { QueryPlan } from "./query-plan.ts";
import type { RowPosition } from "./query-request.ts";

/** One entry of a store; `windowStart` is −1 in a table. */
export type Entry = { readonly windowStart: number; readonly key: string; readonly value: unknown; readonly task: ReadableTask };

export type EntryBounds = {
  /** Window starts with `from` ≤ start < `to`. */
  readonly from: number;
  readonly to: number;
  /** Begins with the entry that stands here, or the next one. */
  readonly position: RowPosition | undefined;
  /** Only these keys, each got directly; undefined: all. */
  readonly keys: readonly string[] | undefined;
};

/** Entries of all tasks in one order: by window, then by key by code point, whatever the number of partitions. */
export function* entriesOf(query: QueryPlan, tasks: readonly ReadableTask[], bounds: EntryBounds): Generator<Entry> {
  const sources = tasks.flatMap((task) => sourcesOf(query, task, bounds));
  const heads = sources.map((source) => source.next().value);
  while (true) {
    let least = -1;
    for (const [i, head] of heads.entries()) {
      if (head !== undefined && (least < 0 || compareEntries(head, heads[least]!) < 0)) least = i;
    }
    if (least < 0) return;
    yield heads[least]!;
    heads[least] = sources[least]!.next().value;
  }
}

type Source = Iterator<Entry, undefined>;

const compareEntries = (a: Entry, b: Entry): number => a.windowStart - b.windowStart || compareKeys(a.key, b.key);

function sourcesOf(query: QueryPlan, task: ReadableTask, bounds: EntryBounds): Source[] {
  const id = storeIdOf(query.node, query.store);
  const { keys } = bounds;
  if (query.storeKind === "key-value") {
    const store = task.state.keyValue<unknown>(id);
    if (keys === undefined) return [tableEntries(store.range(bounds.position?.key), task)];
    return [tableEntries(existing(store, keys, bounds.position?.key), task)];
  }
  const store = task.state.window<unknown>(id);
  const { position, to } = bounds;
  const from = Math.max(bounds.from, position?.windowStart ?? 0);
  if (keys === undefined) return [windowEntries(store.range(from, to), position, task)];
  return keys.map((key) => windowEntries(withKey(key, store.windowsOf(key, from, to)), position, task));
}

function* existing(
  store: { get(key: string): unknown },
  keys: readonly string[],
  from: string | undefined,
): Generator<readonly [string, unknown]> {
  for (const key of keys.toSorted(compareKeys)) {
    if (from !== undefined && compareKeys(key, from) < 0) continue;
    const value = store.get(key);
    if (value !== undefined) yield [key, value];
  }
}

function* withKey(
  key: string,
  windows: Iterable<readonly [start: number, value: unknown]>,
): Generator<readonly [start: number, key: string, value: unknown]> {
  for (const [start, value] of windows) yield [start, key, value];
}

function* tableEntries(entries: Iterable<readonly [key: string, value: unknown]>, task: ReadableTask): Generator<Entry, undefined> {
  for (const [key, value] of entries) yield { windowStart: -1, key, value, task };
  return undefined;
}

function* windowEntries(
  entries: Iterable<readonly [start: number, key: string, value: unknown]>,
  position: RowPosition | undefined,
  task: ReadableTask,
): Generator<Entry, undefined> {
  for (const [windowStart, key, value] of entries) {
    if (position !== undefined && windowStart === position.windowStart && compareKeys(key, position.key) < 0) continue;
    yield { windowStart, key, value, task };
  }
  return undefined;
}
