import type { Position } from "@millrace/engine";

export const formats = ["json", "ndjson", "csv", "spreadsheet"] as const;
export type Format = (typeof formats)[number];

/** A bound of window starts: a time, or so many ms before the newest event time that the answer knows. */
export type TimeBound = { readonly kind: "at"; readonly ms: number } | { readonly kind: "back"; readonly ms: number };

/** As a number of rows: all of a group. */
export const wholeGroup: number = Number.MAX_SAFE_INTEGER;

/**
 * Where an answer stopped: the entry or group read last and how many of its rows were given. It names a key, not a count, so entries that
 * come or go before or behind it move nothing. `windowStart` is −1 in a table.
 */
export type RowPosition = { readonly windowStart: number; readonly key: string; readonly rows: number };

export type Ordering = { readonly column: string; readonly descending: boolean };

/** What one slice of an answer is asked for; plain data that crosses threads. */
export type QueryRequest = {
  readonly query: string;
  readonly format: Format;
  /** Columns and the texts of which each must show one, canonical for the column's type. */
  readonly filters: readonly (readonly [column: string, texts: readonly string[]])[];
  /** Window starts with `from` ≤ start < `to`. */
  readonly from: TimeBound | undefined;
  readonly to: TimeBound | undefined;
  readonly limit: number;
  /** Rows behind this position. */
  readonly position: RowPosition | undefined;
  readonly order: Ordering | undefined;
  /** Wait until the answer shows what lies here, at most `waitMs`. */
  readonly after: readonly Position[];
  readonly waitMs: number;
};

/** The committed state that rows were read from. */
export type AsOf = {
  /** Greatest event time that the query's tasks have read, ms; −1 before the first record. */
  readonly streamTime: number;
  /** For each input and partition, the next offset to be read, as text. */
  readonly offsets: Readonly<Record<string, Readonly<Record<string, string>>>>;
};

/** A slice of an answer, or why there is none. */
export type Answer =
  | {
      readonly kind: "rows";
      readonly asOf: AsOf;
      /** Rows in the asked format, each with its end of line; in `json` with a comma between them. */
      readonly bytes: Uint8Array<ArrayBuffer>;
      readonly rows: number;
      /** Where to go on; undefined when there is nothing more. */
      readonly next: RowPosition | undefined;
      /** Relative bounds as they were taken, for the slices that follow. */
      readonly from: TimeBound | undefined;
      readonly to: TimeBound | undefined;
    }
  | { readonly kind: "not-yet"; readonly asOf: AsOf }
  | { readonly kind: "bad-token"; readonly detail: string }
  | {
      readonly kind: "unavailable";
      readonly detail: string;
      /** Why, where tasks lie with several owners. */
      readonly code?: UnavailableCode;
    };

export const unavailableCodes = ["QUERY_NO_OWNER", "QUERY_OWNER_MOVED", "QUERY_OWNER_RESTORING", "QUERY_OWNER_UNREACHABLE"] as const;
export type UnavailableCode = (typeof unavailableCodes)[number];

/** Who answers queries: the engine's own thread, or a port to it. Rejects when `signal` aborts, and on a bug. */
export interface QueryAnswerer {
  answer(request: QueryRequest, signal: AbortSignal): Promise<Answer>;
}
