/** Making elements. Texts are set as texts, so nothing that comes from an event is ever read as markup. */

export const byId = (id) => document.getElementById(id);

/** An element with attributes and children; a string is text. */
export function element(name, attributes = {}, children = []) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  made.append(...children);
  return made;
}

/** Sets a text only when it is another, so that screen readers are not told the same again. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Sets or takes away (undefined) an attribute, only when it is another. */
export function setAttribute(node, name, value) {
  if (value === undefined) node.removeAttribute(name);
  else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/**
 * Shows rows in a table's body, in their order. A row is `{ key, cells: [{ text, class?, share? }] }`; those that stay keep their element, and those
 * that were not there before are marked new, except at first. `share`, 0 to 1, is drawn below the text. Returns the keys of the new ones.
 */
export function showRows(body, rows) {
  const first = body.dataset.shown === undefined;
  const known = new Map([...body.children].map((row) => [row.dataset.key, row]));
  const added = [];
  const wanted = rows.map(({ key, cells }) => {
    let row = known.get(key);
    if (row === undefined || row.children.length !== cells.length) {
      row = element("tr", first ? {} : { class: "new" }, cells.map(() => element("td")));
      row.dataset.key = key;
      if (!first) added.push(key);
    }
    for (const [i, cell] of cells.entries()) showCell(row.children[i], cell);
    return row;
  });
  const same = wanted.length === body.children.length && wanted.every((row, i) => body.children[i] === row);
  if (!same) body.replaceChildren(...wanted);
  body.dataset.shown = "yes";
  return added;
}

function showCell(cell, { text, class: name = "", share }) {
  if (cell.className !== name) cell.className = name;
  if (share === undefined) {
    setText(cell, text);
    return;
  }
  if (cell.children.length === 0) cell.replaceChildren(element("span"), shareBar());
  setText(cell.firstChild, text);
  setAttribute(cell.querySelector("rect"), "width", (100 * share).toFixed(1));
}

function shareBar() {
  const bar = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [name, value] of Object.entries({ class: "share", viewBox: "0 0 100 1", preserveAspectRatio: "none", "aria-hidden": "true" }))
    bar.setAttribute(name, value);
  const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  rect.setAttribute("height", "1");
  bar.append(rect);
  return bar;
}
