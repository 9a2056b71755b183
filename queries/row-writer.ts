import { csvLine } from "./csv.ts";
import type { Cell, QueryColumn, Row } from "./query-plan.ts";
import type { Format } from "./query-request.ts";

/** The text of a row with the end of its line; `final` is undefined where rows are of no window. */
export type RowWriter = (row: Row, final: boolean | undefined) => string;

/**
 * Writes rows with their columns in the columns' order. In `json` a windowed row also says whether it can still change;
 * `ndjson` and `csv` have exactly the columns.
 */
export function rowWriter(format: Format, columns: readonly QueryColumn[]): RowWriter {
  if (format === "csv") {
    const isText = columns.map(({ type }) => type === "string");
    return (row) =>
      csvLine(
        columns.map(({ name }) => textOf(row[name])),
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

const textOf = (cell: Cell | undefined): string => (cell === null || cell === undefined ? "" : String(cell));

/** A bigint is written with all its digits, as JSON allows. */
function jsonOf(cell: Cell | undefined): string {
  if (typeof cell === "bigint") return String(cell);
  return cell === undefined ? "null" : JSON.stringify(cell);
}
