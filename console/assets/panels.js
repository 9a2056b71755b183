import { createNews } from "./announce.js";
import { byId, setText, showRows } from "./elements.js";
import { follow } from "./follow.js";
import { day, grouped, moment, twoPlaces } from "./format.js";
import { byParts, FirstOfAdded, FirstOfAll } from "./heard-rows.js";
import { readPlan } from "./plan.js";
import { watch } from "./watch.js";

const shownRows = 8;
const shownAlerts = 5;

/** The best articles of the newest day of event time that has any. */
export function watchTopProducts() {
  const section = byId("products");
  watch({
    query: "top-products-by-day",
    path: "/v1/queries/top-products-by-day?from=-2d&limit=1000",
    sections: ["products"],
    show: ({ rows }) => {
      const newest = rows.reduce((latest, { window_start: start }) => (start > latest ? start : latest), "");
      const best = rows.filter(({ window_start: start }) => start === newest).toSorted((a, b) => a.rank - b.rank);
      const most = Math.max(...best.map(({ revenue }) => Number(revenue)));
      showRows(
        section.querySelector("tbody"),
        best.slice(0, shownRows).map(({ rank, sku, units, revenue }) => ({
          key: sku,
          cells: [
            { text: String(rank), class: "number rank" },
            { text: sku, class: "long", share: most > 0 ? Math.max(0, Number(revenue) / most) : 0 },
            { text: grouped(units), class: "number" },
            { text: grouped(twoPlaces(revenue)), class: "number" },
          ],
        })),
      );
      setText(section.querySelector(".note"), best.length === 0 ? "Nothing was sold within two days of event time." : `By revenue on ${day(newest)} (UTC).`);
    },
  });
}

/** The lowest levels, as they change; what is low, the processor says that tells it. */
export function watchStock() {
  const section = byId("stock");
  let lowBelow;
  let again = () => undefined;
  void readPlan().then(({ nodes }) => {
    lowBelow = nodes.find(({ settings }) => settings?.lowStockBelow !== undefined)?.settings.lowStockBelow;
    again();
  });
  follow({
    query: "stock-levels",
    path: `/v1/queries/stock-levels?order=level&limit=${shownRows}`,
    stream: "/v1/queries/stock-levels/stream",
    sections: ["stock"],
    rows: new FirstOfAll({ count: shownRows, compare: byParts(({ level, sku }) => [level, sku]) }),
    show: (rows, live) => {
      again = () => {
        showRows(
          section.querySelector("tbody"),
          rows.map(({ sku, level }) => {
            const word = level <= 0 ? "none left" : level < lowBelow ? "low" : "";
            return {
              key: sku,
              cells: [{ text: sku, class: "long" }, { text: grouped(level), class: "number" }, { text: word, class: word === "" ? "" : "bad" }],
            };
          }),
        );
        setText(section.querySelector(".note"), rows.length === 0 ? "No article has moved yet." : `The lowest levels of all articles${live ? ", as they change" : ""}.${rows[0].level < 0 ? " Only adjustments lead below zero." : ""}`);
      };
      again();
    },
  });
}

/** The newest alerts, as they happen; those that come while the page is open are told to screen readers. */
export function watchAlerts() {
  const section = byId("fraud");
  const news = createNews(section.querySelector(".news"));
  const partsOf = ({ at, rule, subject, orderId }) => [at, rule, subject, orderId ?? ""];
  const keyOf = (row) => JSON.stringify(partsOf(row));
  follow({
    query: "fraud-alerts",
    path: `/v1/queries/fraud-alerts?order=-at&limit=${shownAlerts}`,
    // What was before is asked for: there is no end of it.
    stream: "/v1/queries/fraud-alerts/stream?snapshot=0",
    sections: ["fraud"],
    rows: new FirstOfAdded({ count: shownAlerts, compare: byParts(partsOf, { descending: true }) }),
    show: (rows, live) => {
      const added = showRows(
        section.querySelector("tbody"),
        rows.map((row) => ({
          key: keyOf(row),
          cells: [
            { text: moment(row.at), class: "time" },
            { text: row.rule },
            { text: row.subject, class: "long" },
            { text: row.orderId ?? "", class: "long" },
          ],
        })),
      );
      const newest = rows.find((row) => added.includes(keyOf(row)));
      if (newest !== undefined) news(added.length, `${newest.rule} ${newest.subject}`);
      setText(section.querySelector(".note"), `${rows.length === 0 ? "None so far" : "The newest by event time"}${live ? ", shown as they come" : ""}.`);
    },
  });
}
