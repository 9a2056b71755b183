/** Pure functions behind the charts. */

const minuteMs = 60_000;

/**
 * The last `count` minutes of event time up to that of `streamTime`, each with its row if there is one: a minute in which nothing came has no row,
 * but has its place.
 */
export function minutesUpTo(streamTime, rows, count = 30) {
  const last = Math.floor(Date.parse(streamTime) / minuteMs) * minuteMs;
  const byStart = new Map(rows.map((row) => [Date.parse(row.window_start), row]));
  return Array.from({ length: count }, (_, i) => {
    const start = last - (count - 1 - i) * minuteMs;
    return { start: new Date(start).toISOString(), row: byStart.get(start) };
  });
}

/** Bars for values ≥ 0 in a box, the highest as high as the box; a value above 0 is never invisible. */
export function barsOf(values, { width, height, gap }) {
  const most = Math.max(0, ...values.filter((value) => value > 0));
  const step = width / values.length;
  return values.map((value, i) => {
    const high = most === 0 || !(value > 0) ? 0 : Math.max(1.5, (value / most) * height);
    return { x: i * step + gap / 2, y: height - high, width: step - gap, height: high };
  });
}
