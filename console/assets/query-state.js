/** What the table of a query shows, as the hash of the page's address says it, and the addresses that follow from it. Pure functions. */

export const rowCounts = [25, 100, 1000];
const mostRows = 10_000;

/**
 * `{ query, where: [[column, text]…], order, from, to, rows, cursor }` of a hash; what is missing is empty. `order` is a column, with - before it
 * to begin with the highest.
 */
export function readHash(hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const text = (name) => given.get(name) ?? "";
  const rows = Number(text("rows"));
  return {
    query: text("query"),
    // One text a column, as there is one field to show it in.
    where: [...new Map([...given].filter(([name, value]) => name.startsWith("where.") && value !== "").map(([name, value]) => [name.slice(6), value]))],
    order: text("order"),
    from: text("from"),
    to: text("to"),
    rows: rowCounts.includes(rows) ? rows : rowCounts[0],
    cursor: text("order") === "" ? text("cursor") : "",
  };
}

/** The hash that `readHash` reads back. */
export function hashOf({ query, where, order, from, to, rows, cursor }) {
  const given = new URLSearchParams({ query });
  for (const [column, text] of where) given.append(`where.${column}`, text);
  for (const [name, text] of Object.entries({ order, from, to, cursor })) if (text !== "") given.set(name, text);
  if (rows !== rowCounts[0]) given.set("rows", String(rows));
  return `#${given}`;
}

/** The address of the page of rows that a state stands for. */
export function pageAddress(state, columns) {
  const asked = filtersOf(state, columns);
  asked.set("limit", String(state.rows));
  if (state.order !== "") asked.set("order", state.order);
  else if (state.cursor !== "") asked.set("cursor", state.cursor);
  return addressOf(state, asked);
}

/** The address of all rows that the filters of a state let through, in the order of their keys; in JSON they are as many as one answer holds. */
export function downloadAddress(state, columns, format) {
  const asked = filtersOf(state, columns);
  asked.set("format", format);
  if (format === "json") asked.set("limit", String(mostRows));
  return addressOf(state, asked);
}

/** Two lines for a terminal: all rows that the filters let through, and what changes of those that the filters by column let through. */
export function terminalLines(origin, state, columns) {
  const streamed = filtersOf({ ...state, from: "", to: "" }, columns);
  const stream = `/v1/queries/${encodeURIComponent(state.query)}/stream${streamed.size === 0 ? "" : `?${streamed}`}`;
  return `curl -sS ${quoted(origin + downloadAddress(state, columns, "csv"))}\ncurl -sN ${quoted(origin + stream)}`;
}

/** As a shell reads it back; URLSearchParams leaves an apostrophe as %27, so there is none in it. */
const quoted = (address) => `"${address}"`;

const addressOf = ({ query }, asked) => `/v1/queries/${encodeURIComponent(query)}?${asked}`;

function filtersOf({ where, from, to }, columns) {
  const types = new Map(columns.map(({ name, type }) => [name, type]));
  const asked = new URLSearchParams();
  for (const [column, text] of where) asked.append(column, filterText(text, types.get(column)));
  if (from !== "") asked.set("from", from);
  if (to !== "") asked.set("to", to);
  return asked;
}

/** What people write or copy from a cell, as the queries read it: digits may be grouped, a time may be a day or miss its T and Z. */
export function filterText(text, type) {
  const plain = text.trim();
  if (type === "int" || type === "decimal" || type === "double") return plain.replaceAll(",", "");
  if (type !== "timestamp") return text;
  const [, date, time] = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d(?:\.\d+)?)?))?Z?$/.exec(plain) ?? [];
  if (date === undefined) return plain;
  return `${date}T${time === undefined ? "00:00:00" : time.length === 5 ? `${time}:00` : time}Z`;
}

/** What a click on the head of a column does: the highest first, then the lowest first, then the order of the keys again. */
export function nextOrder(order, column) {
  if (order === `-${column}`) return column;
  return order === column ? "" : `-${column}`;
}
