/** Pure functions that turn what the queries answer into what people read. */

/** Groups the digits of a whole number or a decimal text by threes, without a detour over floating point: `-1234567.50` → `-1,234,567.50`. */
export function grouped(text) {
  const [, sign, whole, rest] = /^(-?)(\d+)(.*)$/.exec(String(text)) ?? [];
  if (whole === undefined) return String(text);
  return sign + whole.replace(/\B(?=(\d{3})+$)/g, ",") + rest;
}

/** A decimal text with exactly two places, cut, not rounded: what is shown is never more than there is. */
export function twoPlaces(text) {
  const [whole, places = ""] = String(text).split(".");
  return `${whole}.${places.slice(0, 2).padEnd(2, "0")}`;
}

/** `12:03` of an RFC 3339 time in UTC; with seconds if asked. */
export function clock(time, { seconds = false } = {}) {
  return String(time).slice(11, seconds ? 19 : 16);
}

/** `2011-04-01` of a time. */
export function day(time) {
  return String(time).slice(0, 10);
}

/** `12:03:05` for a time of today, else `2011-04-01 12:03:05`. */
export function moment(time, now = new Date()) {
  const of = clock(time, { seconds: true });
  return day(time) === now.toISOString().slice(0, 10) ? of : `${day(time)} ${of}`;
}

/** How long ago, in the largest unit that is at least 1: `3 s`, `14 years`. Below a second it is `now`. */
export function age(ms) {
  const units = [["year", 31_557_600_000], ["day", 86_400_000], ["h", 3_600_000], ["min", 60_000], ["s", 1000]];
  const [name, size] = units.find(([, length]) => ms >= length) ?? ["now", 0];
  if (size === 0) return name;
  const count = Math.floor(ms / size);
  return `${count} ${name}${count > 1 && (name === "year" || name === "day") ? "s" : ""}`;
}

/** A cell of any query for people, by the type and unit of its column: all digits are kept, and a time is cut only of what is nothing. */
export function cellText(value, { type, unit }) {
  if (value === null || value === undefined) return "";
  switch (type) {
    case "int":
      return grouped(value);
    case "decimal":
      return unit === "currency" && /^-?\d+(\.\d{0,2})?$/.test(value) ? grouped(twoPlaces(value)) : grouped(value);
    case "timestamp":
      return String(value).replace("T", " ").replace(/(\.0+)?Z$/, "").replace(/ 00:00:00$/, "");
    case "json":
      return typeof value === "string" ? value : JSON.stringify(value);
    default:
      return String(value);
  }
}
