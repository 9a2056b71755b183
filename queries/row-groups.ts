import { compareKeys, encodeTuple, storeIdOf, type ReadableTask } from "@millrace/engine";
import { maxTimestamp } from "#schemas/timestamp.ts";
import type { QueryPlan, QueryRow } from "#topology/plan/query-plan.ts";
import { type RowPosition, wholeGroup } from "./query-request.ts";

/** Rows that are made together: of one entry, or of the entries that are ranked against each other. `windowStart` is −1 but in window stores. */
export type RowGroup = {
  readonly windowStart: number;
  readonly key: string;
  readonly task: ReadableTask;
  readonly rows: () => readonly QueryRow[];
};

export type GroupBounds = {
  /** Window starts with `from` ≤ start < `to`, in window stores. */
  readonly from: number;
  readonly to: number;
  /** Begins with the group that stands here, or the next one. */
  readonly position: RowPosition | undefined;
  /** Only these keys, each got directly; undefined: all. */
  readonly keys: readonly string[] | undefined;
};

/** The groups of all tasks in one order: by window, then by key by code point, whatever the number of partitions. */
export function* rowGroups(query: QueryPlan, tasks: readonly ReadableTask[], bounds: GroupBounds): Generator<RowGroup> {
  const sources = tasks.flatMap((task) => sourcesOf(query, task, bounds));
  const heads = sources.map((source) => source.next().value);
  while (true) {
    let least = -1;
    for (const [i, head] of heads.entries()) {
      if (head !== undefined && (least < 0 || compareGroups(head, heads[least]!) < 0)) least = i;
    }
    if (least < 0) return;
    yield heads[least]!;
    heads[least] = sources[least]!.next().value;
  }
}

type Source = Iterator<RowGroup, undefined>;

const compareGroups = (a: RowGroup, b: RowGroup): number => a.windowStart - b.windowStart || compareKeys(a.key, b.key);

function sourcesOf(query: QueryPlan, task: ReadableTask, { keys, position, from, to }: GroupBounds): Source[] {
  const id = storeIdOf(query.node, query.store);
  switch (query.kind) {
    case "key-value": {
      const store = task.state.keyValue<unknown>(id);
      return [tableGroups(query, task, keys === undefined ? store.range(position?.key) : existing(store, keys, position?.key))];
    }
    case "window": {
      const store = task.state.window<unknown>(id);
      const first = Math.max(from, position?.windowStart ?? 0);
      if (keys === undefined) {
        const fromKey = position?.windowStart === first ? position.key : "";
        return [windowGroups(query, task, store.range(first, to, fromKey))];
      }
      return keys.map((key) => windowGroups(query, task, behind(withKey(key, store.windowsOf(key, first, to)), position)));
    }
    case "top": {
      const store = task.state.keyValue<unknown>(id);
      return [rankedGroups(query, task, store.range(...rankedRange(query, { position, from, to })))];
    }
  }
}

/** The store's keys that have the groups behind a position and of windows within the bounds, as far as their order tells. */
function rankedRange(
  { rank }: QueryPlan,
  { position, from, to }: Omit<GroupBounds, "keys">,
): readonly [from: string, to: string | undefined] {
  const { leastGroup } = rank!;
  const keyAt = (windowStart: number): string => encodeTuple([leastGroup!(windowStart)]);
  // A group's entries lie side by side, since the store's keys are tuples of group and member; behind all of them stands its prefix with the last code point.
  const behind = position === undefined ? "" : encodeTuple([position.key]) + (position.rows === wholeGroup ? "\u{10FFFF}" : "");
  const first = leastGroup === undefined || from <= 0 ? "" : keyAt(Math.min(from, maxTimestamp));
  return [
    compareKeys(behind, first) < 0 ? first : behind,
    leastGroup === undefined || to > maxTimestamp ? undefined : keyAt(Math.max(0, to)),
  ];
}

function* existing(store: { get(key: string): unknown }, keys: readonly string[], from = ""): Generator<readonly [string, unknown]> {
  for (const key of keys.toSorted(compareKeys)) {
    const value = compareKeys(key, from) < 0 ? undefined : store.get(key);
    if (value !== undefined) yield [key, value];
  }
}

type WindowEntry = readonly [start: number, key: string, value: unknown];

function* withKey(key: string, windows: Iterable<readonly [start: number, value: unknown]>): Generator<WindowEntry> {
  for (const [start, value] of windows) yield [start, key, value];
}

function* behind(entries: Iterable<WindowEntry>, position: RowPosition | undefined): Generator<WindowEntry> {
  for (const entry of entries) {
    if (position === undefined || entry[0] !== position.windowStart || compareKeys(entry[1], position.key) >= 0) yield entry;
  }
}

function* tableGroups(
  query: QueryPlan,
  task: ReadableTask,
  entries: Iterable<readonly [key: string, value: unknown]>,
): Generator<RowGroup, undefined> {
  for (const [key, value] of entries) yield { windowStart: -1, key, task, rows: () => [query.rowOf({ key, value })] };
  return undefined;
}

function* windowGroups(query: QueryPlan, task: ReadableTask, entries: Iterable<WindowEntry>): Generator<RowGroup, undefined> {
  for (const [windowStart, key, value] of entries) yield { windowStart, key, task, rows: () => [query.rowOf({ key, value, windowStart })] };
  return undefined;
}

type Ranked = { readonly key: string; readonly value: unknown };

function* rankedGroups(
  query: QueryPlan,
  task: ReadableTask,
  entries: Iterable<readonly [key: string, value: unknown]>,
): Generator<RowGroup, undefined> {
  const { limit, groupOf, compare } = query.rank!;
  let group: string | undefined;
  let best: Ranked[] = [];
  const ranked = (key: string, of: readonly Ranked[]): RowGroup => ({
    windowStart: -1,
    key,
    task,
    rows: () => of.map((entry, i) => query.rowOf(entry, i + 1)),
  });
  for (const [key, value] of entries) {
    const entry = { key, value };
    const of = groupOf(entry);
    if (group !== undefined && of !== group) {
      yield ranked(group, best);
      best = [];
    }
    group = of;
    // Nearly all members are behind the last of the best, which one comparison shows.
    if (best.length === limit && compare(entry, best.at(-1)!) >= 0) continue;
    const at = best.findIndex((other) => compare(entry, other) < 0);
    best.splice(at < 0 ? best.length : at, 0, entry);
    if (best.length > limit) best.pop();
  }
  if (group !== undefined) yield ranked(group, best);
  return undefined;
}
