/** Pure functions behind the charts. */

const minuteMs = 60_000;
/** Of the height of a chart: what stands for a value above 0 at least. */
const least = 0.015;

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

/** Heights of bars for values ≥ 0: none (null) for 0 and for what is no number; a value above 0 is never invisible beside the highest. */
export function heightsOf(values) {
  const most = Math.max(0, ...values.filter((value) => value > 0));
  return values.map((value) => (value > 0 ? Math.max(value, most * least) : null));
}

/** Where the axis of a chart ends: the least of these steps, times a power of ten, that nothing stands above. */
export function axisEnd(most) {
  if (!(most > 1)) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return power * [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((step) => most <= step * power);
}

/** The sum of decimal texts, with all its digits. */
export function sumOf(texts) {
  const places = Math.max(0, ...texts.map((text) => (text.split(".")[1] ?? "").length));
  const sum = texts.reduce((total, text) => total + scaled(text, places), 0n);
  if (places === 0) return String(sum);
  const digits = String(sum < 0n ? -sum : sum).padStart(places + 1, "0");
  return `${sum < 0n ? "-" : ""}${digits.slice(0, -places)}.${digits.slice(-places)}`;
}

function scaled(text, places) {
  const [whole, rest = ""] = text.split(".");
  return BigInt(whole + rest.padEnd(places, "0"));
}
