import type { QueryColumn, QueryRow } from "#topology/plan/query-plan.ts";
import { csvLine } from "./csv.ts";
import type { Format } from "./query-request.ts";

/** The text of a row with the end of its line; `final` is undefined where rows are of no window. */
export type RowWriter = (row: QueryRow, final: boolean | undefined) => string;

/**
 * Writes rows with their columns in the columns' order. In `json` a windowed row also says whether it can still change;
 * `ndjson` and `csv` have exactly the columns.
 */
export function rowWriter(format: Format, columns: readonly QueryColumn[]): RowWriter {
  if (format === "csv") {
    const isText = columns.map(({ type }) => type === "string");
    return (row) =>
      csvLine(
        columns.map(({ name }) => cellText(row[name])),
        isText,
      );
  }
  const names = columns.map(({ name }, i) => `${i === 0 ? "{" : ","}${JSON.stringify(name)}:`);
  return (row, final) => {
    let text = "";
    for (const [i, { name }] of columns.entries()) text += names[i]! + jsonOf(row[name]);
    if (format === "ndjson") return `${text}}\n`;
    return final === undefined ? `${text}}` : `${text},"final":${final}}`;
  };
}

/** The line that names the columns. */
export const csvHead = (columns: readonly QueryColumn[]): string =>
  csvLine(
    columns.map(({ name }) => name),
    columns.map(() => true),
  );

/** A cell as text: empty for null, JSON for what has parts. */
export function cellText(cell: unknown): string {
  if (cell === null || cell === undefined) return "";
  return typeof cell === "string" ? cell : jsonOf(cell);
}

/** A bigint is written with all its digits, as JSON allows. */
function jsonOf(cell: unknown): string {
  if (typeof cell === "bigint") return String(cell);
  return cell === undefined ? "null" : JSON.stringify(cell);
}
