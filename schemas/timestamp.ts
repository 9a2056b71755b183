/** The least and the largest time that RFC 3339 can write: years 0000 to 9999, UTC, in milliseconds since the epoch. */
export const minTimestamp = -62_167_219_200_000;
export const maxTimestamp = 253_402_300_799_999;

/**
 * Reads an RFC 3339 time with its zone, as milliseconds since the epoch, or nothing if it is none; digits beyond milliseconds are cut.
 * Days that a month does not have, leap seconds and times without a zone are refused, where `Date.parse` guesses. [E7]
 */
export function parseTimestamp(text: string): number | undefined {
  const length = text.length;
  if (length < 20 || length > 40) return undefined;
  const year = number(text, 0, 4);
  const month = number(text, 5, 2);
  const day = number(text, 8, 2);
  const hour = number(text, 11, 2);
  const minute = number(text, 14, 2);
  const second = number(text, 17, 2);
  if (year < 0 || month < 1 || month > 12 || day < 1 || hour < 0 || hour > 23 || minute < 0 || minute > 59) return undefined;
  if (second < 0 || second > 59 || day > daysIn(year, month)) return undefined;
  if (text.charCodeAt(4) !== 45 || text.charCodeAt(7) !== 45 || text.charCodeAt(13) !== 58 || text.charCodeAt(16) !== 58) return undefined;
  if ((text.charCodeAt(10) | 32) !== 116) return undefined;
  let at = 19;
  let milliseconds = 0;
  if (text.charCodeAt(at) === 46) {
    let scale = 100;
    const from = ++at;
    for (; at < length; at++) {
      const digit = text.charCodeAt(at) - 48;
      if (digit < 0 || digit > 9) break;
      if (scale >= 1) milliseconds += digit * scale;
      scale /= 10;
    }
    if (at === from) return undefined;
  }
  const offset = offsetMinutes(text, at);
  if (offset === undefined) return undefined;
  const ms =
    daysSinceEpoch(year, month, day) * 86_400_000 + (hour * 60 + minute - offset) * 60_000 + second * 1000 + Math.trunc(milliseconds);
  return ms >= minTimestamp && ms <= maxTimestamp ? ms : undefined;
}

/** The RFC 3339 text of a time, in UTC with milliseconds: `2011-04-01T08:05:00.000Z`. */
export function formatTimestamp(ms: number): string {
  return new Date(ms).toISOString();
}

function offsetMinutes(text: string, at: number): number | undefined {
  const sign = text.charCodeAt(at);
  if ((sign | 32) === 122) return text.length === at + 1 ? 0 : undefined;
  if (text.length !== at + 6 || (sign !== 43 && sign !== 45) || text.charCodeAt(at + 3) !== 58) return undefined;
  const hours = number(text, at + 1, 2);
  const minutes = number(text, at + 4, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return undefined;
  return sign === 45 ? -(hours * 60 + minutes) : hours * 60 + minutes;
}

/** The digits from `at` on as a number, or −1. */
function number(text: string, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days from 1970-01-01 in the proleptic Gregorian calendar. Source: Howard Hinnant, `days_from_civil`. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}
