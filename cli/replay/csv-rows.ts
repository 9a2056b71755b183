import { parse } from "csv-parse/sync";
import { textLines, type TextLine } from "./text-lines.ts";

/** One row as it stands in a file: `line` is the physical line (from 1) on which it begins, `text` the original without its line end. */
export type CsvRow = { readonly file: string; readonly line: number; readonly text: string; readonly cells: readonly string[] };

/** A quote that is open for longer than this never closes: no real row is near it. */
const maxRowLength = 65_536;

/**
 * Reads the rows of a CSV file (RFC 4180; plain or gzip), a header and empty lines left out.
 * A quote that never closes spoils only the line it stands on: reading goes on with the next line.  [P1, P2]
 *
 * @throws {ReplayError} `REPLAY_FILE_UNREADABLE`
 */
export async function* csvRows(file: string): AsyncGenerator<CsvRow> {
  let first = true;
  for await (const { line, text } of joined(textLines(file))) {
    const cells = cellsOf(text);
    const header = first && cells[0]?.trim() === "InvoiceNo";
    first = false;
    if (!header) yield { file, line, text, cells };
  }
}

/** Puts physical lines together where a quoted cell holds a line end. */
async function* joined(lines: AsyncGenerator<TextLine>): AsyncGenerator<{ line: number; text: string }> {
  let again: TextLine[] = [];
  const next = async (): Promise<TextLine | undefined> => {
    const kept = again.shift();
    if (kept !== undefined) return kept;
    const read = await lines.next();
    return read.done === true ? undefined : read.value;
  };
  for (let begin = await next(); begin !== undefined; begin = await next()) {
    let text = begin.text;
    if (text === "") continue;
    if (endsInQuote(text)) {
      const group = [begin];
      for (let open = true; open;) {
        const line = text.length > maxRowLength ? undefined : await next();
        if (line === undefined) {
          text = begin.text;
          again = [...group.slice(1), ...again];
          break;
        }
        text += group.at(-1)!.end + line.text;
        group.push(line);
        open = !line.text.includes('"') || endsInQuote(text);
      }
    }
    yield { line: begin.number, text };
  }
}

/** Whether the text stops inside a quoted cell. A quote elsewhere than at the start of a cell is text. */
function endsInQuote(text: string): boolean {
  let at = text.indexOf('"');
  if (at === -1) return false;
  for (at = 0; at < text.length;) {
    if (text[at] === '"') {
      at = closingQuote(text, at + 1);
      if (at === -1) return true;
    }
    const comma = text.indexOf(",", at);
    if (comma === -1) return false;
    at = comma + 1;
  }
  return false;
}

/** The place behind the quote that closes a cell, or -1. */
function closingQuote(text: string, from: number): number {
  for (let at = text.indexOf('"', from); at !== -1; at = text.indexOf('"', at + 2)) if (text[at + 1] !== '"') return at + 1;
  return -1;
}

function cellsOf(text: string): readonly string[] {
  if (!text.includes('"')) return text.split(",");
  try {
    // The text is one row already, so nothing in it may end a row.
    const rows: string[][] = parse(text, { relax_column_count: true, relax_quotes: true, record_delimiter: "\u0000" });
    return rows[0] ?? [];
  } catch {
    return [text];
  }
}
