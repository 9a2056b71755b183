import type { QueryColumn, QueryRow } from "#topology/plan/query-plan.ts";
import { csvLine } from "./csv.ts";
import type { Format } from "./query-request.ts";

/** The text of a row with the end of its line; `final` is undefined where rows are of no window. */
export type RowWriter = (row: QueryRow, final: boolean | undefined) => string;

/**
 * Writes rows with their columns in the columns' order. In `json` and `spreadsheet` a windowed row also says whether it can still change;
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
  if (format === "spreadsheet") return sheetWriter(columns);
  const names = columns.map(({ name }, i) => `${i === 0 ? "{" : ","}${JSON.stringify(name)}:`);
  return (row, final) => {
    let text = "";
    for (const [i, { name }] of columns.entries()) text += names[i]! + jsonOf(row[name]);
    if (format === "ndjson") return `${text}}\n`;
    return final === undefined ? `${text}}` : `${text},"final":${final}}`;
  };
}

function sheetWriter(columns: readonly QueryColumn[]): RowWriter {
  const isText = [...columns.map(({ type }) => type === "string"), false];
  return (row, final) => {
    const cells = columns.map(({ name, type }) => (type === "timestamp" ? sheetTime(cellText(row[name])) : cellText(row[name])));
    return csvLine(final === undefined ? cells : [...cells, String(final).toUpperCase()], isText);
  };
}

/** A time in UTC as Excel, LibreOffice and Google Sheets take it for one; with `T` and `Z` it stays text to them. */
const sheetTime = (text: string): string => text.replace("T", " ").replace(/(\.0+)?Z$/, "");

/** Excel reads a CSV file as UTF-8 only when it begins with this. */
const byteOrderMark = "\uFEFF";

/** What comes before the rows: the line that names the columns, in the formats that have one. */
export function headLine(
  format: Format,
  { columns, windowed }: { readonly columns: readonly QueryColumn[]; readonly windowed: boolean },
): string {
  const names = columns.map(({ name }) => name);
  if (format === "csv")
    return csvLine(
      names,
      names.map(() => true),
    );
  if (format !== "spreadsheet") return "";
  const shown = windowed ? [...names, "final"] : names;
  return (
    byteOrderMark +
    csvLine(
      shown,
      shown.map(() => true),
    )
  );
}

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
