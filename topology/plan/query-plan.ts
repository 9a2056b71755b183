import { encodeTuple } from "@millrace/engine";
import { valueToJson } from "#schemas/event-json.ts";
import type { FieldType } from "#schemas/field-type.ts";
import { formatAmount, formatDecimal, type Money } from "#schemas/money.ts";
import { formatTimestamp, parseTimestamp } from "#schemas/timestamp.ts";
import { keyWriter } from "../streams/key-text.ts";
import { noRecord } from "../streams/no-record.ts";
import type { QueryDraft, StoreEntry } from "../streams/query-draft.ts";
import { isNull } from "../expressions/operand.ts";
import type { Group } from "./grouping.ts";

export const columnTypes = ["string", "int", "double", "boolean", "timestamp", "decimal", "json"] as const;
export type ColumnType = (typeof columnTypes)[number];

/** `unit` says what a number or text counts: `currency` for money, whose amounts are decimal texts. */
export type QueryColumn = { readonly name: string; readonly type: ColumnType; readonly nullable: boolean; readonly unit?: string };

/** A row as the world sees it: money and decimals as canonical decimal texts, times as RFC 3339 in UTC. */
export type QueryRow = Readonly<Record<string, unknown>>;

/** A store that can be asked by the id of its node. [Y16] */
export type QueryPlan = {
  readonly name: string;
  readonly subTopology: string;
  readonly node: string;
  /** Name within the node; `storeIdOf(node, store)` is its name in the task. */
  readonly store: string;
  readonly kind: "key-value" | "window" | "top";
  readonly columns: readonly QueryColumn[];
  /** Columns that make the key of an entry, in order. */
  readonly keyColumns: readonly string[];
  /** Of windows: how long one is, how long late records still change it, how long it stays to be asked for once it is closed. */
  readonly window: QueryDraft["window"];
  /** The row of an entry; `rank` counts from 1 and is there for `top` only. */
  readonly rowOf: (entry: StoreEntry, rank?: number) => QueryRow;
  /** The key of the entries whose key columns have these texts; nothing if one is missing or no value of its column can be written so. */
  readonly keyOf: (texts: Readonly<Record<string, string>>) => string | undefined;
  /** For `top`: entries are ranked within their group by `compare`, and only the first `limit` are shown. */
  readonly rank:
    | {
        readonly limit: number;
        readonly groupOf: (entry: StoreEntry) => string;
        readonly compare: (a: StoreEntry, b: StoreEntry) => number;
        /** The least group that a window which starts then or later can have; none where groups are not in the order of windows. */
        readonly leastGroup: ((windowStart: number) => string) | undefined;
      }
    | undefined;
};

const rankColumn: QueryColumn = { name: "rank", type: "int", nullable: false };

export function queryPlan(draft: QueryDraft, groups: readonly Group[]): QueryPlan {
  const { node, store, kind, type, key, keyNames, window, valueOf, rank } = draft;
  const fields = type.fields.map((field) => ({ name: field.name, plain: plainOf(field.type) }));
  const isInKey = (name: string): boolean => rank?.behind.includes(name) === true;
  const behind = fields.filter(({ name }) => isInKey(name));
  const rest = fields.filter(({ name }) => !isInKey(name));
  const columns = type.fields.map(columnOf);
  return {
    name: node,
    subTopology: groups.find(({ parts }) => parts.some(({ id }) => id === node))!.id,
    node,
    store,
    kind,
    columns:
      rank === undefined
        ? columns
        : [...columns.filter(({ name }) => isInKey(name)), rankColumn, ...columns.filter(({ name }) => !isInKey(name))],
    keyColumns: kind === "top" ? [] : key.flatMap((column, i) => (column.constant === true ? [] : [keyNames[i]!])),
    window,
    rowOf: (entry, place) => {
      const value = valueOf(entry);
      const row: Record<string, unknown> = {};
      for (const { name, plain } of behind) row[name] = plain(value[name]);
      if (rank !== undefined) row["rank"] = place;
      for (const { name, plain } of rest) row[name] = plain(value[name]);
      return row;
    },
    keyOf: kind === "top" ? () => undefined : keyFinder(draft),
    rank: rank && { limit: rank.limit, groupOf: rank.groupOf, compare: rank.compare, leastGroup: leastGroupOf(draft) },
  };
}

/** Groups that begin with the start of a window are in the order of windows, as the key of one column or of several. */
function leastGroupOf({ key }: QueryDraft): ((windowStart: number) => string) | undefined {
  const [first, ...more] = key;
  if (first?.path !== "window_start" || first.type.kind !== "timestamp") return undefined;
  return more.length > 0 ? (start) => encodeTuple([start]) : formatTimestamp;
}

function keyFinder({ key, keyNames }: QueryDraft): QueryPlan["keyOf"] {
  // A constant part is not in the rows, and nobody can name it.
  if (key.length === 0 || key.some(({ constant }) => constant === true)) return () => undefined;
  const write = keyWriter(key.map(({ type }, i) => ({ type, evaluate: (parts) => (parts as readonly unknown[])[i] })));
  return (texts) => {
    const parts = key.map(({ type }, i) => {
      const text = Object.hasOwn(texts, keyNames[i]!) ? texts[keyNames[i]!] : undefined;
      return text === undefined ? undefined : parsed(type, text);
    });
    return parts.includes(undefined) ? undefined : (write(parts, noRecord) ?? undefined);
  };
}

function parsed({ kind }: FieldType, text: string): string | number | boolean | undefined {
  if (kind === "string") return text;
  if (kind === "int" || kind === "long") return /^-?\d{1,16}$/.test(text) ? Number(text) : undefined;
  if (kind === "timestamp") return parseTimestamp(text);
  return text === "true" ? true : text === "false" ? false : undefined;
}

const columnTypeOf: Readonly<Partial<Record<FieldType["kind"], ColumnType>>> = {
  string: "string",
  int: "int",
  long: "int",
  double: "double",
  boolean: "boolean",
  timestamp: "timestamp",
  decimal: "decimal",
  money: "decimal",
};

function columnOf({ name, type }: { readonly name: string; readonly type: FieldType }): QueryColumn {
  const { kind } = type.kind === "nullable" ? type.of : type;
  return {
    name,
    type: columnTypeOf[kind] ?? "json",
    nullable: type.kind === "nullable",
    ...(kind === "money" ? { unit: "currency" } : {}),
  };
}

/** At the top of a row, money is its amount. */
function plainOf(type: FieldType): (value: unknown) => unknown {
  if (type.kind === "nullable") {
    const plain = plainOf(type.of);
    return (value) => (isNull(value) ? null : plain(value));
  }
  if (type.kind === "money") return (value) => formatAmount((value as Money).amount);
  if (type.kind === "decimal") return (value) => formatDecimal(value as bigint, type.scale);
  if (type.kind === "timestamp") return (value) => formatTimestamp(value as number);
  if (["record", "array", "map", "bytes"].includes(type.kind)) return (value) => valueToJson(type, value);
  return (value) => value;
}
