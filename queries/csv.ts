const needsQuotes = /[",\r\n]|^\s|\s$/;
const looksLikeFormula = /^\s*[=+\-@＝＋－＠]|^[\t\r\n]/;

/**
 * One line as RFC 4180 writes it, with CR LF. Text that a spreadsheet would take for a formula begins with an apostrophe;
 * numbers, decimals and times are left as they are, the negative ones too.
 */
export function csvLine(cells: readonly string[], isText: readonly boolean[]): string {
  return `${cells.map((cell, i) => quote(isText[i] === true && looksLikeFormula.test(cell) ? `'${cell}` : cell)).join(",")}\r\n`;
}

const quote = (cell: string): string => (needsQuotes.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
