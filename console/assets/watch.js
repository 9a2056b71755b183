import { byId, setText } from "./elements.js";
import { poll } from "./poll.js";

/**
 * Keeps sections up to date by one address, and says in their notes what is wrong when it does not answer. `query` is named when the topology has
 * none of this name; `refused(status, problem)` may know better words; `gone()` hears that the server went away. Returns what asks at once.
 */
export function watch({ query, path, sections, everyMs = 1000, show, refused = () => undefined, gone = () => undefined }) {
  const note = (text) => {
    for (const id of sections) setText(byId(id).querySelector(".note"), text);
  };
  return poll({
    path: typeof path === "function" ? path : () => path,
    everyMs,
    show: (body) => {
      note("");
      setLive(true);
      show(body);
    },
    fail: (failure) => {
      if (failure.kind === "gone") {
        setLive(false);
        gone();
        return;
      }
      const { status, problem } = failure;
      if (status === 404 && query !== undefined) note(`The topology that runs has no query “${query}”.`);
      else note(refused(status, problem) ?? problemText(status, problem));
    },
  });
}

const problemText = (status, { title, detail }) => `${title ?? `status ${status}`}${detail === undefined ? "" : `: ${detail}`}`;

function setLive(live) {
  setText(byId("state"), live ? "live" : "the server does not answer; trying again");
  byId("state").className = live ? "live" : "away";
}
