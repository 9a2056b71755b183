import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

/** All rows of a CSV file (plain or gzip) as cells; header and empty lines left out. Character by character: slow, and plain to see. */
export function rawRows(file: string): string[][] {
  const bytes = readFileSync(file);
  const text = (bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString("utf8").replace(/^\uFEFF/, "");
  const rows: string[][] = [];
  let at = 0;
  while (at < text.length) {
    const row = readRow(text, at) ?? spoilt(text, at);
    at = row.next;
    if (row.cells.length > 1 || row.cells[0] !== "") rows.push(row.cells);
  }
  return rows[0]?.[0]?.trim() === "InvoiceNo" ? rows.slice(1) : rows;
}

type Read = { cells: string[]; next: number };

/** The row that begins at `start`, or nothing if it has a quote that never closes. */
function readRow(text: string, start: number): Read | undefined {
  const cells: string[] = [];
  let cell = "";
  let quoted = false;
  let fresh = true;
  for (let at = start; at < text.length; at++) {
    const c = text[at]!;
    if (quoted) {
      if (c !== '"') cell += c;
      else if (text[at + 1] === '"') cell += text[++at]!;
      else quoted = false;
    } else if (c === '"' && fresh) {
      quoted = true;
      fresh = false;
    } else if (c === ",") {
      cells.push(cell);
      cell = "";
      fresh = true;
    } else if (c === "\n" || c === "\r") {
      return { cells: [...cells, cell], next: c === "\r" && text[at + 1] === "\n" ? at + 2 : at + 1 };
    } else {
      cell += c;
      fresh = false;
    }
  }
  return quoted ? undefined : { cells: [...cells, cell], next: text.length };
}

function spoilt(text: string, start: number): Read {
  let end = start;
  while (end < text.length && text[end] !== "\n" && text[end] !== "\r") end++;
  return { cells: [text.slice(start, end)], next: text.startsWith("\r\n", end) ? end + 2 : end + 1 };
}
