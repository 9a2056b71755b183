import { element, setText } from "../elements.js";
import { parseExact } from "../poll.js";

/** What was read of the letters that stand open, by their names: a list that is drawn anew does not shut them. */
const open = new Map();

/** The event in a dead letter, decoded; it is asked for when somebody opens it. */
export function letterEvent({ letter: { topic, partition, offset }, place }) {
  const path = `/v1/dead-letters/${encodeURIComponent(topic)}/${partition}/${offset}`;
  // It may be scrolled, so the keyboard must reach it.
  const text = element("pre", { tabindex: "0", role: "group", "aria-label": `event of ${place}` }, [open.get(path) ?? ""]);
  const details = element("details", open.has(path) ? { open: "" } : {}, [element("summary", {}, ["The event in it"]), text]);
  details.addEventListener("toggle", () => {
    if (!details.open) open.delete(path);
    else if (!open.has(path)) void show(path, text);
  });
  return details;
}

async function show(path, text) {
  open.set(path, "");
  setText(text, "Asking the server…");
  const words = await eventText(path);
  if (open.has(path)) open.set(path, words);
  setText(text, words);
}

async function eventText(path) {
  try {
    const response = await fetch(path, { cache: "no-store", headers: { Accept: "application/json" } });
    const { event, undecodable, detail } = parseExact(await response.text());
    if (!response.ok) return detail ?? `status ${response.status}`;
    if (event !== null) return JSON.stringify(event, null, 2);
    return undecodable === null ? "There is none: it has no value." : `None that can be decoded: ${undecodable.detail}`;
  } catch {
    return "The server does not answer; open it again.";
  }
}
