import type { QueryRequest, RowPosition, TimeBound, UnavailableCode } from "../query-request.ts";

/** The committed state of a query's tasks: by partition, the number of the last commit. */
export type Place = readonly bigint[];

/**
 * What the streams of one query ask of the engine's thread; plain data that crosses threads. A *feed* gathers which rows of a query change, from `begin` on,
 * until nobody has asked for them for a while. Of all tasks of the query, or of these `partitions`: then those are all that the worker has, or it refuses.
 */
export type StreamRequest = { readonly partitions?: readonly number[] } & (
  | { readonly kind: "begin"; readonly query: string }
  /** What changed since the last answer; waits up to `maxWaitMs` for the first change. */
  | { readonly kind: "changes"; readonly query: string; readonly feed: number; readonly maxWaitMs: number }
  | ({ readonly kind: "slice" } & SliceRequest)
);

/** A part of the rows as they stand. */
export type SliceRequest = Pick<QueryRequest, "query" | "filters" | "from" | "to"> & { readonly position: SlicePosition | undefined };

/** Where a part of the rows stopped. Of several owners, each with its partitions, one is read behind the other: the first of `shares` is under way. */
export type SlicePosition = RowPosition & { readonly shares?: readonly (readonly number[])[] };

export type Began = {
  readonly kind: "began";
  readonly feed: number;
  /** Of the log whose commits are numbered here. */
  readonly log: string;
  readonly at: Place;
  /** By partition: the rows are the same as of every commit from this one up to that of `at`. */
  readonly unchangedSince: Place;
};

/** Rows by key; a row that is gone has no text. Telling one again is harmless: it is told as it stands. */
export type RowChanges = { readonly keys: readonly string[]; readonly texts: readonly (string | null)[] };

/** Windows of a partition that start before this time. */
export type WindowsBefore = { readonly partition: number; readonly before: number };

export type Changes = {
  readonly kind: "changes";
  /** All that was committed up to here is in this answer or an earlier one; some of it may be newer. */
  readonly at: Place;
  readonly rows: RowChanges;
  /** Windows that are kept no longer: their rows are gone. */
  readonly expired: readonly WindowsBefore[];
  readonly progress: Progress;
};

export type Progress = {
  /** Greatest event time that the tasks have read, ms; −1 before the first record. */
  readonly streamTime: number;
  /** By partition: windows that start before this time can change no more; none in a query without windows. */
  readonly finalBefore: readonly number[];
};

export type Slice = {
  readonly kind: "slice";
  /** The rows are of this state. */
  readonly at: Place;
  readonly keys: readonly string[];
  readonly texts: readonly string[];
  readonly next: SlicePosition | undefined;
  readonly from: TimeBound | undefined;
  readonly to: TimeBound | undefined;
};

export type StreamUnavailable = { readonly kind: "unavailable"; readonly detail: string; readonly code?: UnavailableCode };

/** `ended`: the feed is no more, e.g. since a task began anew; what changed meanwhile is not known. */
export type StreamAnswer = Began | Changes | Slice | { readonly kind: "ended" } | StreamUnavailable;

/** Who tells what changes: the engine's own thread, or a port to it. Rejects when `signal` aborts, and on a bug. */
export interface StreamAnswerer {
  stream(request: StreamRequest, signal: AbortSignal): Promise<StreamAnswer>;
}

/**
 * Names a row for as long as it is there: its partition, its window's start where it has one, and its key (in a ranking the group and the rank). A
 * client can tell from the first two parts which rows belong to windows that are gone or final.
 */
export const rowKey = (partition: number, windowStart: number, key: string): string =>
  `${partition}/${windowStart < 0 ? "" : windowStart}/${key}`;
