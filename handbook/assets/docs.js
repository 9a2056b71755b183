// What the page does beyond being read: opens what an address leads to, and sends the examples. Texts are set as texts.

function openTarget() {
  const target = location.hash.length > 1 ? document.getElementById(decodeURIComponent(location.hash.slice(1))) : null;
  if (target === null) return;
  for (let at = target; at !== null; at = at.parentElement) if (at instanceof HTMLDetailsElement) at.open = true;
  target.scrollIntoView();
}
addEventListener("hashchange", openTarget);
openTarget();

for (const form of document.querySelectorAll("form.try")) {
  form.hidden = false;
  // The same text, which can be changed.
  form.previousElementSibling.hidden = true;
  const text = form.querySelector("textarea");
  const output = form.querySelector("output");
  // The time that is written there is long ago: its windows have closed, and no query would show the event.
  change(text, (event) => (event.timestamp = new Date().toISOString()));
  form.querySelector(".fresh").addEventListener("click", () => freshen(text, output));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void send(form, text.value, output);
  });
}

/** The same event now, under an id that nobody has used: sent twice under one, it counts once. */
function freshen(text, output) {
  const done = change(text, (event) => {
    event.eventId = crypto.randomUUID?.() ?? `docs-${Date.now()}-${Math.random().toString(36).slice(2)}`;
    event.timestamp = new Date().toISOString();
  });
  if (done) output.replaceChildren();
  else show(output, { words: "This is not JSON.", good: false });
}

/** Changes the event that a text is; false when it is none. */
function change(text, by) {
  try {
    const event = JSON.parse(text.value);
    by(event);
    text.value = JSON.stringify(event, null, 2);
    return true;
  } catch {
    return false;
  }
}

async function send(form, body, output) {
  const button = form.querySelector("button");
  const key = document.querySelector("#key")?.value ?? "";
  button.disabled = true;
  try {
    const headers = { "Content-Type": "application/json", ...(key === "" ? {} : { Authorization: `Bearer ${key}` }) };
    const response = await fetch("/v1/events", { method: "POST", headers, body, cache: "no-store" });
    const answer = await response.text();
    show(output, { words: wordsOf(response.status, parsed(answer)), good: response.ok, answer: pretty(answer) });
  } catch {
    show(output, { words: "The server does not answer.", good: false });
  } finally {
    button.disabled = false;
  }
}

function wordsOf(status, answer) {
  const [result] = answer?.results ?? [];
  if (result === undefined) return `${status}: ${answer?.detail ?? ""}`;
  const where = result.pointer === undefined ? "" : ` at ${result.pointer}: ${result.detail}`;
  return `${status}: ${result.status}${where}`;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const pretty = (text) => (parsed(text) === undefined ? text : JSON.stringify(parsed(text), null, 2));

function show(output, { words, good, answer }) {
  const line = document.createElement("p");
  line.className = good ? "good" : "bad";
  line.textContent = words;
  output.replaceChildren(line);
  if (answer === undefined) return;
  const block = document.createElement("pre");
  block.tabIndex = 0;
  block.setAttribute("aria-label", "The answer");
  block.textContent = answer;
  output.append(block);
}
