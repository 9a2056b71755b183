import { byId, setText } from "./elements.js";
import { poll } from "./poll.js";

/** As long as something was answered within this, the server is there, whatever else was not. */
const patienceMs = 2500;

let answeredAt = performance.now();
let away = false;
/** What asks at once, of those that had no answer. */
const missed = new Set();

/**
 * Keeps sections up to date by one address, and says in their notes what is wrong when it does not answer. `query` is named when the topology has
 * none of this name; `refused(status, problem)` may know better words; `gone()` hears that there was no answer. Nothing is asked while `paused()` holds.
 * Returns what asks at once.
 */
export function watch({ query, path, sections, everyMs = 1000, paused, show, refused = () => undefined, gone = () => undefined }) {
  let unanswered = 0;
  const note = (text) => {
    for (const id of sections) setText(byId(id).querySelector(".note"), text);
  };
  const answered = () => {
    unanswered = 0;
    missed.delete(askNow);
    live();
  };
  const askNow = poll({
    path: typeof path === "function" ? path : () => path,
    everyMs,
    paused,
    show: (body) => {
      answered();
      note("");
      show(body);
    },
    fail: (failure) => {
      if (failure.kind === "gone") {
        unanswered += 1;
        missed.add(askNow);
        gone();
        if (answeredAt < failure.askedAt && performance.now() - answeredAt > patienceMs) leave();
        else if (unanswered > 1) note("No answer yet; asking again.");
        return;
      }
      answered();
      const { status, problem } = failure;
      if (status === 404 && query !== undefined) note(`The topology that runs has no query “${query}”.`);
      else note(refused(status, problem) ?? problemText(status, problem));
    },
  });
  return askNow;
}

const problemText = (status, { title, detail }) => `${title ?? `status ${status}`}${detail === undefined ? "" : `: ${detail}`}`;

function live() {
  answeredAt = performance.now();
  setText(byId("state"), "live");
  byId("state").className = "live";
  if (!away) return;
  away = false;
  // It is back: nobody waits for a pace that was slowed down.
  for (const askNow of missed) askNow();
}

function leave() {
  away = true;
  setText(byId("state"), "the server does not answer; trying again");
  byId("state").className = "away";
}
