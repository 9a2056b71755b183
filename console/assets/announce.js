import { setText } from "./elements.js";

const restMs = 5000;

/**
 * Tells news in an element with `role="status"`, which screen readers read when they have time: at once, and what comes within the five seconds
 * behind it together.
 */
export function createNews(place, { nowMs = () => performance.now(), later = (tell, ms) => setTimeout(tell, ms) } = {}) {
  let count = 0;
  let newest = "";
  let freeAt = 0;
  let waiting = false;
  const tell = () => {
    waiting = false;
    freeAt = nowMs() + restMs;
    setText(place, count === 1 ? `New fraud alert: ${newest}` : `${count} new fraud alerts, the newest: ${newest}`);
    count = 0;
  };
  return (more, text) => {
    count += more;
    newest = text;
    if (waiting) return;
    if (nowMs() >= freeAt) return tell();
    waiting = true;
    later(tell, freeAt - nowMs());
  };
}
