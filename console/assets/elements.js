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

/**
 * Shows rows in a table's body, in their order. A row is `{ key, cells: [{ text, class? }] }`; those that stay keep their element, and those that
 * were not there before are marked new, except at first.
 */
export function showRows(body, rows) {
  const first = body.dataset.shown === undefined;
  const known = new Map([...body.children].map((row) => [row.dataset.key, row]));
  const wanted = rows.map(({ key, cells }) => {
    let row = known.get(key);
    if (row === undefined) {
      row = element("tr", first ? {} : { class: "new" }, cells.map(() => element("td")));
      row.dataset.key = key;
    }
    for (const [i, { text, class: name = "" }] of cells.entries()) {
      setText(row.children[i], text);
      if (row.children[i].className !== name) row.children[i].className = name;
    }
    return row;
  });
  const same = wanted.length === body.children.length && wanted.every((row, i) => body.children[i] === row);
  if (!same) body.replaceChildren(...wanted);
  body.dataset.shown = "yes";
}

/** Draws bars into an `svg`; elements are kept, so that styles can let them grow. */
export function showBars(svg, bars) {
  while (svg.children.length < bars.length) svg.append(document.createElementNS("http://www.w3.org/2000/svg", "rect"));
  while (svg.children.length > bars.length) svg.lastChild.remove();
  for (const [i, { open, ...box }] of bars.entries()) {
    const bar = svg.children[i];
    for (const [name, value] of Object.entries(box)) bar.setAttribute(name, value.toFixed(2));
    bar.setAttribute("class", open ? "open" : "");
  }
}
