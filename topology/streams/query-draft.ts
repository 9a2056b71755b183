import type { RecordType } from "#schemas/field-type.ts";
import type { KeyColumn } from "./stream.ts";

/** An entry of a store, as its key, its value and (window stores) the start of its window. */
export type StoreEntry = { readonly key: string; readonly value: unknown; readonly windowStart?: number };

/** A store that answers a query, before its sub-topology is known. */
export type QueryDraft = {
  readonly node: string;
  readonly store: string;
  readonly kind: "key-value" | "window" | "top";
  /** The rows. */
  readonly type: RecordType;
  readonly key: readonly KeyColumn[];
  readonly keyNames: readonly string[];
  /** Windows: how long one is, how long late records still change it, how long it stays to be asked for once it is closed. */
  readonly window?: { readonly sizeMs: number; readonly graceMs: number; readonly retainMs: number };
  readonly valueOf: (entry: StoreEntry) => Readonly<Record<string, unknown>>;
  readonly rank?: {
    readonly limit: number;
    /** Entries of one group are ranked against each other. */
    readonly groupOf: (entry: StoreEntry) => string;
    readonly compare: (a: StoreEntry, b: StoreEntry) => number;
    /** Columns that come before the rank. */
    readonly behind: readonly string[];
  };
};
