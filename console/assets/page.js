import { byId, element, setText, showBars, showRows } from "./elements.js";
import { age, clock, grouped, moment, twoPlaces } from "./format.js";
import { barsOf, minutesUpTo } from "./minutes.js";
import { poll } from "./poll.js";
import { curlLine } from "./sample-order.js";

/** As `lowStockBelow` of the shipped topology says; below it an article is marked, the order of the table does not depend on it. */
const lowStockBelow = 5;
const shownRows = 8;
const tailRows = 14;
const quietMs = 3000;

const since = performance.now();
let keyed = false;
let anything = false;
let curl = "";

main();

function main() {
  watchMinutes();
  watchStock();
  watchAlerts();
  watchTail();
  watchCatalogue();
  byId("copy").addEventListener("click", () => void copy());
  setInterval(offerCurl, 500);
}

function watchMinutes() {
  const sections = [
    { id: "orders", column: "orders", unit: "orders", show: (value) => grouped(value) },
    { id: "revenue", column: "revenue", unit: "revenue", show: (value) => grouped(twoPlaces(value)) },
  ];
  watch({
    query: "orders-per-minute",
    path: "/v1/queries/orders-per-minute?from=-30m&limit=1000",
    sections: sections.map(({ id }) => id),
    show: ({ rows, asOf }) => {
      showAsOf(asOf);
      if (asOf.streamTime === null) return;
      anything = true;
      const minutes = minutesUpTo(asOf.streamTime, rows);
      for (const section of sections) showMinutes(section, minutes);
    },
  });
}

function showMinutes({ id, column, unit, show }, minutes) {
  const section = byId(id);
  const texts = minutes.map(({ row }) => String(row?.[column] ?? 0));
  const newest = minutes.at(-1);
  const before = texts.at(-2);
  setText(section.querySelector(".value"), show(texts.at(-1)));
  setText(section.querySelector(".unit"), `${unit} in the minute of ${clock(newest.start)}, ${show(before)} in the one before`);
  setText(section.querySelector(".from"), clock(minutes[0].start));
  setText(section.querySelector(".to"), `${clock(newest.start)} UTC`);
  const svg = section.querySelector("svg");
  const { width, height } = svg.viewBox.baseVal;
  const bars = barsOf(texts.map(Number), { width, height, gap: 2 });
  showBars(svg, bars.map((bar, i) => ({ ...bar, open: minutes[i].row?.final === false })));
  const most = texts.reduce((a, b) => (Number(b) > Number(a) ? b : a));
  svg.setAttribute("aria-label", `${unit} in each of the last ${minutes.length} minutes of event time, at most ${show(most)}`);
  const open = minutes.filter(({ row }) => row?.final === false).length;
  setText(section.querySelector(".note"), open === 0 ? "" : "Pale bars can still change: late events are let in for a while.");
}

function watchStock() {
  watch({
    query: "stock-levels",
    path: `/v1/queries/stock-levels?order=level&limit=${shownRows}`,
    sections: ["stock"],
    show: ({ rows }) => {
      showRows(
        byId("stock").querySelector("tbody"),
        rows.map(({ sku, level }) => {
          const word = level <= 0 ? "none left" : level < lowStockBelow ? "low" : "";
          return {
            key: sku,
            cells: [{ text: sku, class: "long" }, { text: grouped(level), class: "number" }, { text: word, class: word === "" ? "" : "bad" }],
          };
        }),
      );
      setText(byId("stock").querySelector(".note"), rows.length === 0 ? "No article has moved yet." : "The lowest levels of all articles.");
    },
  });
}

function watchAlerts() {
  watch({
    query: "fraud-alerts",
    path: `/v1/queries/fraud-alerts?order=-at&limit=${shownRows}`,
    sections: ["fraud"],
    show: ({ rows }) => {
      showRows(
        byId("fraud").querySelector("tbody"),
        rows.map(({ rule, subject, orderId, at }) => ({
          key: JSON.stringify([rule, subject, orderId, at]),
          cells: [{ text: moment(at), class: "time" }, { text: rule }, { text: subject, class: "long" }, { text: orderId ?? "", class: "long" }],
        })),
      );
      setText(byId("fraud").querySelector(".note"), rows.length === 0 ? "None so far." : "The newest by event time.");
    },
  });
}

function watchTail() {
  let last = 0;
  let entries = [];
  const counts = { good: 0, bad: 0 };
  watch({
    path: () => `/v1/tail?since=${last}`,
    sections: ["tail"],
    show: (tail) => {
      // The numbers begin anew with the server.
      if (tail.last < last) entries = [];
      last = tail.last;
      if (last > 0) anything = true;
      for (const entry of tail.results) counts[isTaken(entry) ? "good" : "bad"] += 1;
      entries = [...tail.results.toReversed(), ...entries].slice(0, tailRows);
      showRows(
        byId("tail").querySelector("tbody"),
        entries.map((entry) => ({
          key: String(entry.n),
          cells: [
            { text: clock(entry.at, { seconds: true }), class: "time" },
            { text: entry.status, class: isTaken(entry) ? "good" : "bad" },
            { text: entry.eventType ?? "" },
            { text: entry.eventId ?? "", class: "long" },
            { text: [entry.code, entry.pointer, entry.detail].filter(Boolean).join(" · "), class: "long" },
          ],
        })),
      );
      const seen = `${grouped(counts.good)} taken and ${grouped(counts.bad)} refused that this page has seen; what comes faster than the tail is long is not shown.`;
      setText(byId("tail").querySelector(".note"), last === 0 ? "No event has come yet." : seen);
    },
    refused: (status) => {
      if (status !== 401 && status !== 403) return undefined;
      keyed = true;
      return "The tail is shown to those who have a key: GET /v1/tail with Authorization: Bearer.";
    },
  });
}

const isTaken = ({ status }) => status === "accepted" || status === "duplicate";

function watchCatalogue() {
  watch({
    path: "/v1/queries",
    sections: ["queries"],
    everyMs: 30_000,
    show: ({ queries }) => {
      byId("queries").querySelector("ul").replaceChildren(
        ...queries.map(({ name, links }) =>
          element("li", {}, [
            element("a", { href: links.json }, [name]),
            " ",
            element("a", { href: links.csv, download: `${name}.csv`, "aria-label": `${name} as CSV` }, ["csv"]),
          ]),
        ),
      );
    },
  });
}

/** Keeps sections up to date by one address, and says in them what is wrong when it does not answer. */
function watch({ query, path, sections, everyMs = 1000, show, refused = () => undefined }) {
  const note = (text) => {
    for (const id of sections) setText(byId(id).querySelector(".note"), text);
  };
  poll({
    path: typeof path === "function" ? path : () => path,
    everyMs,
    show: (body) => {
      note("");
      setText(byId("state"), "live");
      show(body);
    },
    fail: (failure) => {
      if (failure.kind === "gone") {
        setText(byId("state"), "the server does not answer; trying again");
        return;
      }
      const { status, problem } = failure;
      if (status === 404 && query !== undefined) note(`The topology that runs has no query “${query}”.`);
      else note(refused(status) ?? `${problem.title ?? `status ${status}`}${problem.detail === undefined ? "" : `: ${problem.detail}`}`);
    },
  });
}

function showAsOf({ streamTime }) {
  const time = byId("as-of").querySelector("time");
  if (streamTime === null) return;
  const lag = Date.now() - Date.parse(streamTime);
  time.setAttribute("datetime", streamTime);
  setText(time, `${moment(streamTime)} UTC of event time${lag < 1000 ? "" : `, ${age(lag)} ago`}`);
}

function offerCurl() {
  const section = byId("nothing");
  section.hidden = anything || performance.now() - since < quietMs;
  const line = curlLine(location.origin, { keyed, orderId: "my-first-order" });
  if (line !== curl) setText(byId("curl"), (curl = line));
}

async function copy() {
  try {
    await navigator.clipboard.writeText(curl);
    setText(byId("copied"), "copied");
  } catch {
    getSelection().selectAllChildren(byId("curl"));
    setText(byId("copied"), "selected: copy it with the keyboard");
  }
}
