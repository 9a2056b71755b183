import { byId, setText, showRows } from "./elements.js";
import { clock, grouped } from "./format.js";
import { watch } from "./watch.js";

const tailRows = 14;
/** So many of the newest refusals stay, however much is accepted behind them: they are what somebody looks for. */
const keptRefusals = 4;
/** More than a server's tail holds. */
const remembered = 1000;

/** The last answers that the gateway gave. `onEvent` hears that there was one, `onKeyed` that the tail asks for a key. */
export function watchTail({ onEvent, onKeyed }) {
  const section = byId("tail");
  let last = 0;
  let entries = [];
  // A server that was started again numbers anew, and one that was only not reached gives again what is known.
  const seen = new Set();
  const counts = { good: 0, bad: 0 };
  const askNow = watch({
    path: () => `/v1/tail?since=${last}`,
    sections: ["tail"],
    gone: () => (last = 0),
    show: (tail) => {
      const begunAnew = tail.last < last;
      last = begunAnew ? 0 : tail.last;
      if (begunAnew) return askNow();
      if (last > 0) onEvent();
      const fresh = tail.results.filter((entry) => !seen.has(keyOf(entry)));
      for (const entry of fresh) {
        seen.add(keyOf(entry));
        counts[isTaken(entry) ? "good" : "bad"] += 1;
      }
      for (const key of seen) if (seen.size > remembered) seen.delete(key);
      entries = shownOf([...fresh.toReversed(), ...entries]);
      showRows(section.querySelector("tbody"), entries.map(rowOf));
      const words = `${grouped(counts.good)} taken and ${grouped(counts.bad)} refused that this page has seen; what comes faster than the tail is long is not shown, but the last ${keptRefusals} refusals stay.`;
      setText(section.querySelector(".note"), entries.length === 0 ? "No event has come yet." : words);
    },
    refused: (status) => {
      if (status !== 401 && status !== 403) return undefined;
      onKeyed();
      return "The tail is shown to those who have a key: GET /v1/tail with Authorization: Bearer.";
    },
  });
}

const keyOf = ({ n, at }) => `${n} ${at}`;
const isTaken = ({ status }) => status === "accepted" || status === "duplicate";

/** The newest of entries, newest first, and among them the newest that were refused. */
function shownOf(entries) {
  const refusals = new Set(entries.filter((entry) => !isTaken(entry)).slice(0, keptRefusals));
  let room = tailRows - refusals.size;
  return entries.filter((entry) => refusals.has(entry) || room-- > 0);
}

const whyOf = ({ code, pointer, detail }) => [code, pointer, detail].filter(Boolean).join(" · ");

const rowOf = (entry) => ({
  key: keyOf(entry),
  cells: [
    { text: clock(entry.at, { seconds: true }), class: "time" },
    { text: entry.status, class: isTaken(entry) ? "good" : "bad" },
    { text: [entry.eventType, whyOf(entry)].filter(Boolean).join("\n"), class: "long lines" },
    { text: entry.eventId ?? "", class: "long id" },
  ],
});
