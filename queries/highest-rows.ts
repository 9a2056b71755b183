import { compareKeys } from "@millrace/engine";
import type { ColumnType, QueryColumn, QueryRow } from "#topology/plan/query-plan.ts";
import type { Ordering } from "./query-request.ts";
import type { RowPosition } from "./query-request.ts";
import { cellText } from "./row-writer.ts";

type Ranked = { readonly row: QueryRow; readonly final: boolean | undefined; readonly at: RowPosition; readonly place: number };

/** Keeps the first rows by one column; rows that are alike there stay in the order in which they came. Nothing comes last, either way. */
export class HighestRows {
  private readonly compare: (a: Ranked, b: Ranked) => number;
  private readonly limit: number;
  private rows: Ranked[] = [];
  private seen = 0;

  constructor(columns: readonly QueryColumn[], { column, descending }: Ordering, limit: number) {
    const compare = comparison[columns.find(({ name }) => name === column)!.type];
    this.limit = limit;
    this.compare = (a, b) => {
      const x = a.row[column] ?? null;
      const y = b.row[column] ?? null;
      if (x === null || y === null) return Number(x === null) - Number(y === null) || a.place - b.place;
      return (descending ? compare(y, x) : compare(x, y)) || a.place - b.place;
    };
  }

  add(row: QueryRow, final: boolean | undefined, at: RowPosition): number {
    this.rows.push({ row, final, at, place: this.seen++ });
    // Sorted when as many again have come: each row takes part in a few sorts of what is kept, not in one of all.
    if (this.rows.length >= 2 * this.limit + 1000) this.rows = this.sorted();
    return 0;
  }

  sorted(): Ranked[] {
    return this.rows.toSorted(this.compare).slice(0, this.limit);
  }
}

const byText = (a: unknown, b: unknown): number => compareKeys(cellText(a), cellText(b));
const byNumber = (a: unknown, b: unknown): number => Number((a as number) > (b as number)) - Number((a as number) < (b as number));

const comparison: Readonly<Record<ColumnType, (a: unknown, b: unknown) => number>> = {
  string: byText,
  timestamp: byText,
  boolean: byText,
  json: byText,
  int: byNumber,
  double: byNumber,
  decimal: (a, b) => compareDecimals(cellText(a), cellText(b)),
};

/** The order of one column's cells as `cellText` wrote them; nothing comes last, either way. */
export function cellComparison(type: ColumnType, descending: boolean): (a: string | null, b: string | null) => number {
  const isNumber = type === "int" || type === "double";
  // An integer may have more digits than a number holds.
  const valueOf = (text: string): unknown => (!isNumber ? text : /^-?\d{16,}$/.test(text) ? BigInt(text) : Number(text));
  return (a, b) => {
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    return descending ? comparison[type](valueOf(b), valueOf(a)) : comparison[type](valueOf(a), valueOf(b));
  };
}

/** Compares canonical decimals exactly, whatever their number of digits. */
function compareDecimals(a: string, b: string): number {
  const x = scaled(a);
  const y = scaled(b);
  const places = Math.max(x.places, y.places);
  const left = x.digits * 10n ** BigInt(places - x.places);
  const right = y.digits * 10n ** BigInt(places - y.places);
  return left < right ? -1 : left > right ? 1 : 0;
}

function scaled(text: string): { readonly digits: bigint; readonly places: number } {
  const point = text.indexOf(".");
  return point < 0 ? { digits: BigInt(text), places: 0 } : { digits: BigInt(text.replace(".", "")), places: text.length - point - 1 };
}
