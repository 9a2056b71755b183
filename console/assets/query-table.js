import { copyText } from "./copy-text.js";
import { byId, element, setAttribute, setText, showRows } from "./elements.js";
import { cellText, moment } from "./format.js";
import { downloadAddress, hashOf, nextOrder, pageAddress, readHash, rowCounts, terminalLines } from "./query-state.js";
import { watch } from "./watch.js";

const firstChoice = "orders-by-day";
const numeric = new Set(["int", "decimal", "double"]);

/** A table of any query of the catalogue: filtered, ordered, page by page, to be downloaded; its state is the hash of the page's address. */
export function createQueryTable() {
  const section = byId("queries");
  const at = (selector) => section.querySelector(selector);
  const head = at("thead");
  const body = at("tbody");
  let catalogue = [];
  let state = readHash(location.hash);
  /** Cursors of the pages before this one. */
  let trail = history.state?.trail ?? [];
  let entry;
  let next = null;
  let askNow;

  const columns = () => entry?.columns ?? [];
  const isWindowed = () => columns().some(({ name, type }) => name === "window_start" && type === "timestamp");

  watch({
    path: "/v1/queries",
    sections: [],
    everyMs: 30_000,
    show: ({ queries }) => {
      if (JSON.stringify(queries) === JSON.stringify(catalogue)) return;
      catalogue = queries;
      at("#query").replaceChildren(...queries.map(({ name }) => element("option", {}, [name])));
      const first = queries.find(({ name }) => name === firstChoice) ?? queries[0];
      const came = state.query !== "";
      if (!came && first !== undefined) state = { ...state, query: first.name };
      settle();
      if (came) section.scrollIntoView();
    },
  });

  at("form").addEventListener("submit", (event) => event.preventDefault());
  at("#query").addEventListener("change", ({ target }) => go({ query: target.value, where: [], order: "", from: "", to: "" }));
  for (const name of ["from", "to"]) at(`#${name}`).addEventListener("change", ({ target }) => go({ [name]: target.value.trim() }));
  at("#rows").replaceChildren(...rowCounts.map((count) => element("option", {}, [String(count)])));
  at("#rows").addEventListener("change", ({ target }) => go({ rows: Number(target.value) }));
  at("#clear").addEventListener("click", () => go({ where: [], order: "", from: "", to: "" }));
  at("#copy-query").addEventListener("click", () => void copyText(at("#query-curl"), at("#query-copied")));
  at("#first").addEventListener("click", () => go({}));
  at("#previous").addEventListener("click", () => go({ cursor: trail.at(-1) }, trail.slice(0, -1)));
  at("#next").addEventListener("click", () => next !== null && go({ cursor: next }, [...trail, state.cursor]));
  addEventListener("popstate", ({ state: kept }) => {
    const read = readHash(location.hash);
    // A link within the page is no question.
    if (read.query === "") return;
    state = read;
    trail = kept?.trail ?? [];
    settle();
    // Links of the page come without a state; who goes back or forth stays where the browser was.
    if (kept === null) section.scrollIntoView();
  });

  /** Asks something else. Unless told otherwise from its first page on. */
  function go(change, before = []) {
    state = { ...state, cursor: "", ...change };
    trail = before;
    history.pushState({ trail }, "", hashOf(state));
    settle();
  }

  /** Shows what the state says in all controls, and asks for it. */
  function settle() {
    const known = catalogue.find(({ name }) => name === state.query);
    if (known !== entry) {
      entry = known;
      head.replaceChildren(...headRows());
      body.replaceChildren();
    }
    next = null;
    at("#query").value = state.query;
    at("#from").value = state.from;
    at("#to").value = state.to;
    at("#rows").value = String(state.rows);
    for (const label of section.querySelectorAll(".windowed")) label.hidden = !isWindowed();
    at("#clear").hidden = state.where.length === 0 && state.order === "" && state.from === "" && state.to === "";
    for (const input of head.querySelectorAll("input")) input.value = filterOf(input.dataset.column);
    showFault(undefined);
    for (const cell of head.querySelectorAll("th[data-column]")) showOrder(cell);
    setText(at("caption"), `Rows of ${state.query}`);
    at(".scroll").setAttribute("aria-label", `Rows of ${state.query}`);
    for (const link of section.querySelectorAll(".downloads a")) {
      link.setAttribute("href", downloadAddress(state, columns(), link.dataset.format));
      link.setAttribute("download", `${state.query}.${link.dataset.format === "spreadsheet" ? "csv" : link.dataset.format}`);
    }
    setText(at("#query-curl"), terminalLines(location.origin, state, columns()));
    setText(at("#query-copied"), "");
    pager();
    if (askNow === undefined) askNow = watch({ path: () => pageAddress(state, columns()), sections: [], everyMs: 2000, show, refused });
    else askNow();
  }

  const filterOf = (column) => state.where.find(([name]) => name === column)?.[1] ?? "";

  function headRows() {
    const names = columns().map((column) => {
      const { name, type } = column;
      const button = element("button", { type: "button" }, [name, element("span", { class: "arrow", "aria-hidden": "true" })]);
      button.addEventListener("click", () => go({ order: nextOrder(state.order, name) }));
      const cell = element("th", { scope: "col", class: numeric.has(type) ? "number" : "" }, [button]);
      cell.dataset.column = name;
      return cell;
    });
    const filters = columns().map((column) => {
      const { name, type } = column;
      const hint = type === "timestamp" ? "time" : type === "boolean" ? "true, false" : "is";
      const input = element("input", { "aria-label": `${name} is`, placeholder: hint, autocomplete: "off", spellcheck: "false" });
      input.dataset.column = name;
      input.addEventListener("change", () =>
        go({ where: [...state.where.filter(([column]) => column !== name), ...(input.value.trim() === "" ? [] : [[name, input.value]])] }),
      );
      return element("td", { class: numeric.has(type) ? "number" : "" }, [input]);
    });
    const open = isWindowed() ? [element("th", { scope: "col" }, ["state"])] : [];
    return [element("tr", {}, [...names, ...open]), element("tr", { class: "filters" }, [...filters, ...open.map(() => element("td"))])];
  }

  function showOrder(cell) {
    const { column } = cell.dataset;
    const order = state.order === column ? "ascending" : state.order === `-${column}` ? "descending" : undefined;
    setAttribute(cell, "aria-sort", order);
    setText(cell.querySelector(".arrow"), { ascending: "▲", descending: "▼" }[order] ?? "");
  }

  function show(answer) {
    const { rows, asOf, schema } = answer;
    next = answer.next;
    // What was there before is no news: it is another page.
    delete body.dataset.shown;
    showRows(
      body,
      rows.map((row, i) => ({
        key: String(i),
        cells: [
          ...schema.map((column) => ({
            text: cellText(row[column.name], column),
            class: numeric.has(column.type) ? "number" : column.type === "timestamp" ? "time" : "",
          })),
          ...(isWindowed() ? [{ text: row.final === false ? "can still change" : "final", class: "state" }] : []),
        ],
      })),
    );
    const count = `${rows.length === 0 ? "No" : rows.length.toLocaleString("en")} row${rows.length === 1 ? "" : "s"}`;
    setText(at("#found"), state.where.length === 0 && rows.length === 0 && trail.length === 0 ? "No rows yet." : `${count}${placeText(rows.length)}.`);
    setAttribute(at("#found"), "class", "");
    setText(at("#rows-as-of"), asOf.streamTime === null ? "" : `As of ${moment(asOf.streamTime)} UTC of event time.`);
    pager();
  }

  function placeText(count) {
    if (state.order === "") return trail.length === 0 && next === null ? "" : `, page ${trail.length + 1}`;
    const by = `by ${state.order.replace(/^-/, "")}, the ${state.order.startsWith("-") ? "highest" : "lowest"} first`;
    return count < state.rows ? ` ${by}` : ` ${by}; there may be more: a page in order is the first one only`;
  }

  function refused(_, { title, detail, parameter }) {
    showFault(parameter);
    setText(at("#found"), `${title}${detail === undefined ? "" : `: ${detail}`}`);
    at("#found").setAttribute("class", "bad");
    setText(at("#rows-as-of"), "");
    body.replaceChildren();
    next = null;
    pager();
  }

  /** Marks the field that a parameter was written in. */
  function showFault(parameter) {
    for (const input of section.querySelectorAll("input"))
      setAttribute(input, "aria-invalid", (input.dataset.column ?? input.id) === parameter ? "true" : undefined);
  }

  function pager() {
    at("#first").disabled = state.cursor === "";
    at("#previous").disabled = trail.length === 0;
    at("#next").disabled = next === null;
  }
}
