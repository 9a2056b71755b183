import { type CurrentRecord } from "@millrace/engine";
import { valueToJson } from "#schemas/event-json.ts";
import type { FieldType } from "#schemas/field-type.ts";
import { formatAmount, formatDecimal, type Money } from "#schemas/money.ts";
import { formatTimestamp, parseTimestamp } from "#schemas/timestamp.ts";
import { keyWriter } from "../check/key-text.ts";
import type { QueryDraft, StoreEntry } from "../check/query-draft.ts";
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
  readonly windowMs: number | undefined;
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
      }
    | undefined;
};

const rankColumn: QueryColumn = { name: "rank", type: "int", nullable: false };

export function queryPlan(draft: QueryDraft, groups: readonly Group[]): QueryPlan {
  const { node, store, kind, type, key, keyNames, windowMs, valueOf, rank } = draft;
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
    windowMs,
    rowOf: (entry, place) => {
      const value = valueOf(entry);
      const row: Record<string, unknown> = {};
      for (const { name, plain } of behind) row[name] = plain(value[name]);
      if (rank !== undefined) row["rank"] = place;
      for (const { name, plain } of rest) row[name] = plain(value[name]);
      return row;
    },
    keyOf: kind === "top" ? () => undefined : keyFinder(draft),
    rank: rank && { limit: rank.limit, groupOf: rank.groupOf, compare: rank.compare },
  };
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

const noRecord: CurrentRecord = { key: null, timestamp: 0, sequence: 0, headers: new Uint8Array(0), windowStart: -1, windowEnd: -1 };

function parsed(type: FieldType, text: string): string | number | boolean | undefined {
  switch (type.kind) {
    case "string":
      return text;
    case "int":
    case "long":
      return /^-?\d{1,16}$/.test(text) ? Number(text) : undefined;
    case "boolean":
      return text === "true" ? true : text === "false" ? false : undefined;
    case "timestamp":
      return parseTimestamp(text);
    default:
      return undefined;
  }
}

function columnOf({ name, type }: { readonly name: string; readonly type: FieldType }): QueryColumn {
  const present = type.kind === "nullable" ? type.of : type;
  const nullable = type.kind === "nullable";
  switch (present.kind) {
    case "string":
    case "double":
    case "boolean":
    case "timestamp":
    case "decimal":
      return { name, type: present.kind, nullable };
    case "int":
    case "long":
      return { name, type: "int", nullable };
    case "money":
      return { name, type: "decimal", nullable, unit: "currency" };
    default:
      return { name, type: "json", nullable };
  }
}

/** At the top of a row, money is its amount. */
function plainOf(type: FieldType): (value: unknown) => unknown {
  switch (type.kind) {
    case "nullable": {
      const plain = plainOf(type.of);
      return (value) => (value == null ? null : plain(value));
    }
    case "money":
      return (value) => formatAmount((value as Money).amount);
    case "decimal":
      return (value) => formatDecimal(value as bigint, type.scale);
    case "timestamp":
      return (value) => formatTimestamp(value as number);
    case "string":
    case "int":
    case "long":
    case "double":
    case "boolean":
      return (value) => value;
    default:
      return (value) => valueToJson(type, value);
  }
}
