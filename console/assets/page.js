import { copyText } from "./copy-text.js";
import { byId, setText } from "./elements.js";
import { age, grouped, moment, twoPlaces } from "./format.js";
import { createMinutePanel } from "./minute-panel.js";
import { watchAlerts, watchStock, watchTopProducts } from "./panels.js";
import { createQueryTable } from "./query-table.js";
import { curlLine } from "./sample-order.js";
import { watchTail } from "./tail.js";
import { watch } from "./watch.js";

const quietMs = 3000;

const since = performance.now();
let keyed = false;
let anything = false;
let curl = "";
/** The event time of the last answer. */
let shownTime;

watchMinutes();
watchTopProducts();
watchStock();
watchAlerts();
watchTail({ onEvent: () => (anything = true), onKeyed: () => (keyed = true) });
createQueryTable();
byId("copy").addEventListener("click", () => void copyText(byId("curl"), byId("copied")));
setInterval(offerCurl, 500);
// Also while nobody answers: how long ago it was goes on.
setInterval(showAsOf, 1000);

function watchMinutes() {
  const orders = createMinutePanel({ id: "orders", what: "Orders", unit: (value) => (value === "1" ? " order" : " orders"), show: grouped });
  const revenue = createMinutePanel({ id: "revenue", what: "Revenue", unit: () => "", show: (value) => grouped(twoPlaces(value)) });
  const spans = [...document.querySelectorAll("input[name=span]")];
  const count = () => Number(spans.find(({ checked }) => checked).value);
  let newest;
  const show = () => {
    if (newest === undefined || newest.asOf.streamTime === null) return;
    const shown = { streamTime: newest.asOf.streamTime, rows: newest.rows, count: count() };
    orders.show({ ...shown, column: "orders" });
    revenue.show({ ...shown, column: "revenue" });
  };
  for (const input of spans) input.addEventListener("change", show);
  for (const id of ["orders", "revenue"]) byId(id).querySelector("details").addEventListener("toggle", show);
  watch({
    query: "orders-per-minute",
    path: "/v1/queries/orders-per-minute?from=-60m&limit=1000",
    sections: ["orders", "revenue"],
    show: (answer) => {
      newest = answer;
      if (answer.asOf.streamTime !== null) {
        anything = true;
        shownTime = answer.asOf.streamTime;
      }
      showAsOf();
      show();
    },
  });
}

function showAsOf() {
  if (shownTime === undefined) return;
  const time = byId("as-of").querySelector("time");
  const lag = Date.now() - Date.parse(shownTime);
  time.setAttribute("datetime", shownTime);
  setText(time, `${moment(shownTime)} UTC of event time${lag < 1000 ? "" : `, ${age(lag)} ago`}`);
}

function offerCurl() {
  byId("nothing").hidden = anything || performance.now() - since < quietMs;
  const line = curlLine(location.origin, { keyed, orderId: "my-first-order" });
  if (line !== curl) setText(byId("curl"), (curl = line));
}
