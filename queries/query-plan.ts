/** A cell of a row: text as it is shown (money and times too), a whole number, a fraction, a truth, or nothing. */
export type Cell = string | number | bigint | boolean | null;
export type Row = Readonly<Record<string, Cell>>;

export const columnTypes = ["string", "integer", "decimal", "double", "boolean", "timestamp"] as const;
/** `decimal` is a canonical decimal text, `timestamp` an RFC 3339 text in UTC; both are strings in JSON. */
export type ColumnType = (typeof columnTypes)[number];
export type QueryColumn = { readonly name: string; readonly type: ColumnType; readonly unit?: string; readonly doc?: string };

/** Spans of a windowed query, ms: how long a window is, how long late records still change it, how long it stays to be asked for. */
export type QueryWindow = { readonly sizeMs: number; readonly graceMs: number; readonly retainMs: number };

export const windowStartColumn = "window_start";
export const windowEndColumn = "window_end";

/** How a node's store is asked; the topology's compiler makes one for each node that has a store, under the node's id. */
export type QueryPlan = {
  readonly name: string;
  readonly summary?: string;
  readonly subTopology: string;
  /** With `store`, the name of the store in its task. */
  readonly node: string;
  readonly store: string;
  readonly storeKind: "key-value" | "window";
  /** In the order of the rows' columns; a windowed query has `window_start` and `window_end` among them. */
  readonly columns: readonly QueryColumn[];
  /** Columns that make up the store's key. */
  readonly keyColumns: readonly string[];
  /** The store's key, from the texts of exactly the key columns; undefined where no row can have them. */
  readonly keyOf: ((columns: Readonly<Record<string, string>>) => string | undefined) | undefined;
  readonly window: QueryWindow | undefined;
  /** The rows of one entry, whole: one as a rule, several for a ranking, none for what is not to be seen. */
  readonly rowsOf: (key: string, value: unknown, windowStart: number) => readonly Row[];
};
