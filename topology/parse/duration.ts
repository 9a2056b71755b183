const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `250ms`, `30s`, `1m`, `24h`, `400d`, and sums of them in falling order (`1h30m`), in milliseconds; nothing if it is none or not above `least`. */
export function parseDuration(text: string, least = 1): number | undefined {
  const match = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?$/.exec(text);
  if (match === null || text === "") return undefined;
  const [, days, hours, minutes, seconds, milliseconds] = match;
  const sum =
    Number(days ?? 0) * units.d +
    Number(hours ?? 0) * units.h +
    Number(minutes ?? 0) * units.m +
    Number(seconds ?? 0) * units.s +
    Number(milliseconds ?? 0) * units.ms;
  return Number.isSafeInteger(sum) && sum >= least ? sum : undefined;
}

/** The shortest text of a duration: `90000` → `1m30s`. */
export function formatDuration(ms: number): string {
  let left = ms;
  let text = "";
  for (const unit of ["d", "h", "m", "s", "ms"] as const) {
    const count = Math.floor(left / units[unit]);
    left -= count * units[unit];
    if (count > 0) text += `${count}${unit}`;
  }
  return text === "" ? "0s" : text;
}
