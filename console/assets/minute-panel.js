import { createBarChart } from "./bar-chart.js";
import { byId, setText, showRows } from "./elements.js";
import { clock, grouped } from "./format.js";
import { heightsOf, minutesUpTo, sumOf } from "./minutes.js";

/**
 * A panel of one number a minute: the newest figure, the chart, what stands under the pointer or the arrow keys, and the same as a table. All its
 * texts are exact; only the heights of bars are floating point. `what` is counted, `show` writes a value of it for people, with its unit where `unit`
 * says one.
 */
export function createMinutePanel({ id, what, unit, show }) {
  const section = byId(id);
  section.append(byId("minutes").content.cloneNode(true));
  section.querySelector(".chart").setAttribute("aria-label", `${what} per minute: the arrow keys choose a minute`);
  section.querySelector(".scroll").setAttribute("aria-label", `${what} of each minute`);
  section.querySelector("th.what").textContent = what.toLowerCase();
  const chart = section.querySelector(".chart");
  let minutes = [];
  let texts = [];
  /** The start of the minute that was chosen; none: the newest. It stays with its minute while time moves on. */
  let chosen;

  const bars = createBarChart(chart, {
    onPoint: (i) => {
      chosen = i === null ? undefined : minutes[i]?.start;
      tell();
    },
  });
  chart.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 10, PageDown: -10, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === "Escape") choose(undefined);
    if (step === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    choose(Math.min(minutes.length - 1, Math.max(0, place() + step)));
  });
  chart.addEventListener("blur", () => choose(undefined));

  const place = () => {
    const i = minutes.findIndex(({ start }) => start === chosen);
    return i < 0 ? minutes.length - 1 : i;
  };

  function choose(i) {
    chosen = minutes[i]?.start;
    bars.point(i);
    tell();
  }

  function tell() {
    const i = place();
    if (minutes[i] === undefined) return;
    const text = `${clock(minutes[i].start)} UTC: ${show(texts[i])}${unit(texts[i])}${isOpen(minutes[i]) ? ", can still change" : ""}`;
    setText(section.querySelector(".readout"), text);
    chart.setAttribute("aria-valuemax", String(minutes.length - 1));
    chart.setAttribute("aria-valuenow", String(i));
    if (chart.getAttribute("aria-valuetext") !== text) chart.setAttribute("aria-valuetext", text);
  }

  return {
    /** Shows rows of `{ window_start, [column], final }` as the last `count` minutes up to `streamTime`. */
    show({ streamTime, rows, column, count }) {
      minutes = minutesUpTo(streamTime, rows, count);
      texts = minutes.map(({ row }) => String(row?.[column] ?? 0));
      setText(section.querySelector(".value"), show(texts.at(-1)));
      setText(section.querySelector(".unit"), `in the minute of ${clock(minutes.at(-1).start)} UTC, ${show(texts.at(-2))} in the one before`);
      setText(section.querySelector(".total"), `${show(sumOf(texts))} in these ${count} minutes`);
      bars.draw({ startsMs: minutes.map(({ start }) => Date.parse(start)), heights: heightsOf(texts.map(Number)), open: minutes.map(isOpen) });
      if (chosen !== undefined && chosen < minutes[0].start) chosen = undefined;
      if (chosen !== undefined) bars.point(place());
      tell();
      const table = section.querySelector("tbody");
      // A table that nobody opened is not kept up to date.
      if (!section.querySelector("details").open) return;
      showRows(
        table,
        minutes.map((minute, i) => ({
          key: minute.start,
          cells: [
            { text: clock(minute.start), class: "time" },
            { text: show(texts[i]), class: "number" },
            { text: isOpen(minute) ? "can still change" : "" },
          ],
        })).toReversed(),
      );
    },
  };
}

const isOpen = ({ row }) => row?.final === false;
