import uPlot from "/console/packages/uplot.js";
import { axisEnd } from "./minutes.js";

const height = 168;
const font = '12px system-ui, sans-serif';

/**
 * Bars over minutes of time (UTC) in an element that gives them its width; colours are those of the stylesheet, also after the scheme has changed.
 * `onPoint` hears which bar is pointed at, null when none is any more.
 */
export function createBarChart(container, { onPoint }) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let colours = coloursOf(container);
  let asked = false;
  const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
  const axis = { font, stroke: () => colours.quiet, ticks: { show: false } };
  const series = (colour) => ({
    paths: uPlot.paths.bars({ size: [0.78, 40], gap: 0, radius: 0.12 }),
    points: { show: false },
    width: 0,
    fill: () => colours[colour],
    stroke: () => colours[colour],
  });
  const chart = new uPlot(
    {
      width: Math.max(1, container.clientWidth),
      height,
      padding: [8, 16, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { show: false }, focus: { prox: -1 } },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      scales: {
        x: { time: true, range: (_, first, last) => [first - 30, last + 30] },
        y: { range: (_, _least, most) => [0, axisEnd(most)] },
      },
      axes: [
        { ...axis, grid: { show: false }, size: 26, gap: 4, space: 56, values: (_, splits) => splits.map((at) => new Date(at * 1000).toISOString().slice(11, 16)) },
        {
          ...axis,
          size: 44,
          gap: 6,
          space: 34,
          incrs: [1, 2, 5].flatMap((step) => Array.from({ length: 15 }, (_, power) => step * 10 ** power)).toSorted((a, b) => a - b),
          grid: { stroke: () => colours.line, width: 1 },
          values: (_, splits) => splits.map((value) => compact.format(value)),
        },
      ],
      series: [{}, series("bar"), series("open")],
      hooks: {
        setCursor: [
          ({ cursor }) => {
            if (!asked) onPoint(cursor.left < 0 ? null : (cursor.idx ?? null));
          },
        ],
      },
    },
    [[], [], []],
    container,
  );
  new ResizeObserver(() => {
    if (container.clientWidth > 0 && container.clientWidth !== chart.width) chart.setSize({ width: container.clientWidth, height });
  }).observe(container);
  dark.addEventListener("change", () => {
    colours = coloursOf(container);
    chart.redraw(false);
  });

  /** What is set from here is not told as if somebody had pointed there. */
  const quietly = (change) => {
    asked = true;
    change();
    // It tells of the cursor in a microtask of its own.
    queueMicrotask(() => (asked = false));
  };
  return {
    draw: ({ startsMs, heights, open }) =>
      quietly(() => chart.batch(() => chart.setData([startsMs.map((at) => at / 1000), heights.map((one, i) => (open[i] ? null : one)), heights.map((one, i) => (open[i] ? one : null))]))),
    /** Points at a bar, or at none (undefined). */
    point: (i) => quietly(() => chart.setCursor(i === undefined ? { left: -10, top: -10 } : { left: chart.valToPos(chart.data[0][i], "x"), top: 1 })),
  };
}

function coloursOf(element) {
  const style = getComputedStyle(element);
  return Object.fromEntries(["bar", "open", "line", "quiet"].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}
