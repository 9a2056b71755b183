import { formatTimestamp, maxTimestamp } from "#schemas/timestamp.ts";
import type { QueryRow } from "#topology/plan/query-plan.ts";
import type { CatalogueEntry } from "../catalogue.ts";
import { rowFilter } from "../row-filter.ts";
import { windowStartColumn } from "../query-plan.ts";
import { PlaceIds } from "./place-id.ts";
import type { Change, Frame } from "./ring.ts";
import type { Place, Progress, Slice } from "./stream-request.ts";

export type ViewConditions = {
  readonly filters: readonly (readonly [column: string, texts: readonly string[]])[];
  /** ms; windows with `from` ≤ start < `to`. */
  readonly from: number | undefined;
  readonly to: number | undefined;
};

/** What readers of one question are sent, as server-sent events. Equal questions have equal bytes. */
export class StreamView {
  readonly name: string;
  readonly conditions: ViewConditions;
  private readonly ids: PlaceIds;
  private readonly matches: ((row: QueryRow) => boolean) | undefined;
  /** A row can stop matching while it stays: then it is gone for the reader. */
  private readonly loses: boolean;
  /** Whether a row can ever match, by what never changes of it: its key, and its window. */
  private readonly canMatch: ((row: QueryRow) => boolean) | undefined;

  constructor(entry: CatalogueEntry, conditions: ViewConditions, ids: PlaceIds) {
    const { filters, from, to } = conditions;
    this.name = JSON.stringify([filters, from, to]);
    this.conditions = conditions;
    this.ids = ids;
    this.matches = filters.length === 0 && from === undefined && to === undefined ? undefined : rowFilter(conditions);
    const fixed = [...entry.keyColumns, ...(entry.window === undefined ? [] : [windowStartColumn])];
    this.loses = filters.some(([column]) => !fixed.includes(column)) || (entry.window === undefined && (from ?? to) !== undefined);
    const lasting = {
      filters: filters.filter(([column]) => fixed.includes(column)),
      ...(entry.window === undefined ? unbounded : { from, to }),
    };
    const isLimited = lasting.filters.length > 0 || (lasting.from ?? lasting.to) !== undefined;
    this.canMatch = isLimited ? rowFilter(lasting) : undefined;
  }

  id(place: Place): string {
    return this.ids.format({ place, from: this.conditions.from, to: this.conditions.to });
  }

  /** All of a frame; nothing when there is none of it that this view shows. */
  frame(frame: Frame): Uint8Array | undefined {
    const { encoded } = frame;
    if (!encoded.has(this.name)) encoded.set(this.name, this.encode(frame, this.id(frame.at)));
    return encoded.get(this.name);
  }

  /** A frame without the rows that are told again further on. */
  newestOf(frame: Frame): Uint8Array | undefined {
    return this.encode({ ...frame, changes: frame.changes.filter(notSuperseded) }, this.id(frame.at));
  }

  /**
   * The same behind a snapshot that shows rows which are newer: nobody goes on from here, since what follows would be told as it was before them, and
   * nothing is complete yet.
   */
  caughtUp(frame: Frame): Uint8Array | undefined {
    return this.encode({ ...frame, changes: frame.changes.filter(notSuperseded), progress: undefined }, undefined);
  }

  snapshot({ keys, texts, next }: Slice, part: number): Uint8Array {
    const rows = keys.map((key, i) => `[${JSON.stringify(key)},${texts[i]}]`);
    return event("snapshot", `{"part":${part},"last":${next === undefined},"rows":[${rows.join(",")}]}`);
  }

  progress(progress: Progress, { place, nowMs }: { readonly place: Place; readonly nowMs: number }): Uint8Array {
    return event("progress", progressData(progress, nowMs), this.id(place));
  }

  /** Whether somebody may have been told a row that does not match (any more): a row of another key, or another window, nobody was. [Q37] */
  private mayBeHad(change: Change): boolean {
    if (change.text !== null && !this.loses) return false;
    if (this.canMatch === undefined) return true;
    if (change.text !== null) return this.canMatch((change.row ??= parseRow(change.text)));
    return change.shown === undefined || this.canMatch(parseRow(change.shown));
  }

  private encode({ expired, changes, progress, atMs }: Frame, id: string | undefined): Uint8Array | undefined {
    const told: [name: string, data: string][] = [];
    for (const { partition, before } of expired)
      told.push(["expire", JSON.stringify({ partition, before: timeText(before), beforeMs: before })]);
    const rows: string[] = [];
    const gone: string[] = [];
    for (const change of changes) {
      const { key, text } = change;
      if (text !== null && (this.matches === undefined || this.matches((change.row ??= parseRow(text)))))
        rows.push(`[${JSON.stringify(key)},${text}]`);
      else if (this.mayBeHad(change)) gone.push(key);
    }
    if (gone.length > 0) told.push(["delete", JSON.stringify({ keys: gone })]);
    if (rows.length > 0) told.push(["upsert", `{"rows":[${rows.join(",")}]}`]);
    if (progress !== undefined) told.push(["progress", progressData(progress, atMs)]);
    const last = told.length - 1;
    return last < 0 ? undefined : Buffer.concat(told.map(([name, data], i) => event(name, data, i === last ? id : undefined)));
  }
}

const unbounded = { from: undefined, to: undefined } as const;
const notSuperseded = ({ superseded }: Change): boolean => !superseded;

/** One event; only the last of those that belong together has an id, so that nobody goes on from the midst of them. */
export function event(name: string, data: string, id?: string): Uint8Array {
  return Buffer.from(`event: ${name}\n${id === undefined ? "" : `id: ${id}\n`}data: ${data}\n\n`);
}

function progressData({ streamTime, finalBefore }: Progress, nowMs: number): string {
  return JSON.stringify({
    streamTime: streamTime < 0 ? null : timeText(streamTime),
    lagMs: streamTime < 0 ? null : Math.max(0, nowMs - streamTime),
    ...(finalBefore.length === 0 ? {} : { finalBefore: finalBefore.map((ms) => (ms > 0 ? timeText(ms) : null)) }),
  });
}

const timeText = (ms: number): string => formatTimestamp(Math.max(0, Math.min(ms, maxTimestamp)));

/** The row that a text shows, with all digits of its numbers. */
function parseRow(text: string): QueryRow {
  const row = JSON.parse(text) as Record<string, unknown>;
  const rounded = Object.keys(row).filter((name) => Number.isInteger(row[name]) && !Number.isSafeInteger(row[name]));
  if (rounded.length > 0) {
    const exact = JSON.parse(text, (_key: string, value: unknown, context?: { readonly source?: string }) =>
      /^-?\d{16,}$/.test(context?.source ?? "") ? BigInt(context!.source!) : value,
    ) as QueryRow;
    for (const name of rounded) row[name] = exact[name];
  }
  return row;
}
